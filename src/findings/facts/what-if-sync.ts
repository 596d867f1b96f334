/**
 * How long a sync would have taken with less in front of it (level c): bytes over the rate at which
 * the device wrote. It must first give what was recorded.
 */
import { numbers, texts } from '../../trace/table.ts';
import type { Effect } from '../cause.ts';
import type { Facts } from '../facts.ts';
import { bytes, duration } from '../format.ts';
import { folioSizes } from './dirtiers.ts';
import { busyWriteRate } from './rates.ts';
import { fits } from './what-if.ts';

/** What a wait was for, bytes, and how long it took. */
export type Waited = { readonly bytes: number; readonly took_ns: number };

/**
 * `then_bytes`: what at most would have been in front of it; `because` stands after it, with the
 * reason.
 */
export function predictWait(
  facts: Facts,
  { bytes: was, took_ns }: Waited,
  then_bytes: number | undefined,
  because: string,
): Effect {
  const rate = busyWriteRate(facts);
  if (rate === undefined) {
    return {
      unpredicted: 'how fast the device writes was not recorded (writeback:global_dirty_state)',
    };
  }
  if (then_bytes === undefined) {
    return { unpredicted: 'what became dirty was not recorded (writeback:writeback_dirty_folio)' };
  }
  const per_s = rate * facts.pageSize;
  const model_ns = (was / per_s) * 1e9;
  const law = `${bytes(was)} at ${bytes(per_s)}/s are ${duration(model_ns)}`;
  // Else it was no wait for the device.
  if (!fits(model_ns, took_ns)) {
    return {
      unpredicted:
        `the wait took ${duration(took_ns)}, but ${law}: something besides the amount decides; ` +
        'try it and compare the two captures',
    };
  }
  if (then_bytes >= was) {
    return {
      unpredicted:
        `up to ${bytes(then_bytes)} ${because}, ` +
        `no less than the ${bytes(was)} of this capture`,
    };
  }
  return {
    predicted:
      `at most ${bytes(then_bytes)} ${because}: ${duration((then_bytes / per_s) * 1e9)} instead ` +
      `of ${duration(took_ns)} for the longest wait (level c: amount over rate; the recorded ` +
      `${law})`,
  };
}

/** The most that became dirty on a bdi in any stretch of this length; redirtied pages count again. */
export function mostDirtiedIn(
  facts: Facts,
  bdi: string | undefined,
  length_ns: number,
): number | undefined {
  const sizes = facts.once(folioSizes);
  if (sizes === undefined) return undefined;
  const { table, pages } = sizes;
  const ts = numbers(table, 'ts_ns').values;
  const names = texts(table, 'bdi');
  const code = bdi === undefined ? -1 : names.dictionary.indexOf(bdi);
  const isOurs = (row: number) => code < 0 || names.codes[row] === code;
  let [first, sum, most] = [0, 0, 0];
  for (let row = 0; row < table.rows; row++) {
    if (!isOurs(row)) continue;
    sum += pages[row] as number;
    for (; (ts[first] as number) < (ts[row] as number) - length_ns; first++) {
      if (isOurs(first)) sum -= pages[first] as number;
    }
    most = Math.max(most, sum);
  }
  return most * facts.pageSize;
}
