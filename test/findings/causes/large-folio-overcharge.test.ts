import { expect, test } from 'vitest';
import { describeCause, judgementOf } from '../../helpers/cause-tests.ts';
import { dirtying, sceneTrace, throttled } from '../../helpers/scenes.ts';
import type { EventRow } from '../../helpers/trace-builder.ts';

const ID = 'large-folio-overcharge';
/** Writes of so many bytes each, by the task that is charged. */
const writes = (bytes: number): EventRow[] =>
  Array.from({ length: 40 }, (_, nth) => ({
    event: 'sys_exit_write',
    ts_ns: 1e9 + nth * 2e8 - 1e6,
    pid: 100,
    comm: 'writer',
    ret: bytes,
  }));
/** 1 MiB of folio for each write. */
const charged = dirtying({ mib: 40, pid: 100, from_s: 0.1, until_s: 0.9 });

describeCause(ID, {
  found: {
    scene: sceneTrace([...throttled({}), ...writes(65536), ...charged]),
    victims: ['writer'],
    bdi: '7:0',
    lost_s: 6.75,
    culprits: ['folio_account_dirtied'],
    summary: /wrote 2\.5\sMiB and was charged for 40\sMiB: whole folios count as dirty/,
  },
  clear: sceneTrace([...throttled({}), ...writes(2 ** 20), ...charged]),
});

test('only the part that was not written is claimed', () => {
  const half = sceneTrace([...throttled({}), ...writes(2 ** 18), ...charged]);
  const { ranked } = judgementOf(half, ID);
  expect(ranked?.claimed_s).toBeCloseTo(0.75 * 7.2, 1);
});

test('writes that failed wrote nothing', () => {
  expect(judgementOf(sceneTrace([...throttled({}), ...writes(-28), ...charged]), ID).status).toBe(
    'clear',
  );
});
