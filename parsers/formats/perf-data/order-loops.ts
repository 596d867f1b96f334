/**
 * The order of listed samples by (time, CPU, position) in WebAssembly: what decode/time-order.ts
 * does, which says more and which tests compare with. As JavaScript it took 30 ms of the 3 M events
 * of the benchmark to run, and as much to be compiled in each thread.
 */
import {
  asValue,
  type Body,
  type Call,
  load16,
  load32,
  loadDouble,
  type Value,
  type Variable,
  type WasmModule,
  words,
} from '../../wasm/assembler.ts';
import { SCAN } from './sample-loops.ts';

const PARAMS = /* @__PURE__ */ words('scan', 'order', 'scratch', 'from', 'middle', 'to');

/**
 * `orderSamples`: `order` gets the row numbers of the list in order; 0 is returned where they are
 * in order as they are. `scratch` has room for as many words, `bounds` for two more.
 */
export function addOrdering(module: WasmModule): void {
  const merge = addMerging(module);
  const params = words('scan', 'order', 'scratch', 'bounds');
  module.func('orderSamples', params, 'i32', (body, { scan, order, scratch, bounds }) => {
    const count = body.local(load32(scan, SCAN.count));
    const runs = findRuns(body, { scan, bounds, count });
    body.if(runs.lt(2), () => body.return(asValue(0, 'i32')));
    const row = body.local(asValue(0, 'i32'));
    body.while(row.lt(count), () => {
      body.store32(order.add(row.shl(2)), row);
      body.set(row, row.add(1));
    });
    // Neighbours are merged, round by round; bounds of runs move down as runs become fewer.
    const run = body.local(asValue(0, 'i32'));
    const kept = body.local(asValue(0, 'i32'));
    const bound = (nth: Value) => bounds.add(nth.shl(2));
    body.while(runs.gt(1), () => {
      body.set(run, 0);
      body.set(kept, 0);
      body.while(run.add(1).lt(runs), () => {
        const at = bound(run);
        body.do(merge(scan, order, scratch, load32(at), load32(at, 4), load32(at, 8)));
        body.set(kept, kept.add(1));
        body.store32(bound(kept), load32(at, 8));
        body.set(run, run.add(2));
      });
      body.if(run.lt(runs), () => {
        body.set(kept, kept.add(1));
        body.store32(bound(kept), count);
      });
      body.set(runs, kept);
    });
    body.return(asValue(1, 'i32'));
  });
}

/** Writes where runs in order begin, and the end of the last; returns how many there are. */
function findRuns(
  body: Body,
  { scan, bounds, count }: Readonly<Record<'scan' | 'bounds' | 'count', Variable>>,
): Variable {
  const runs = body.local(asValue(1, 'i32'));
  const row = body.local(asValue(1, 'i32'));
  const time = body.local(load32(scan, SCAN.time));
  const cpu = body.local(load32(scan, SCAN.cpu).add(2));
  const last = body.local(loadDouble(time));
  const next = body.local(loadDouble(time));
  body.store32(bounds, 0);
  body.while(row.lt(count), () => {
    body.set(time, time.add(8));
    body.set(next, loadDouble(time));
    body.if(next.le(last), () => {
      const isBefore = load16(cpu).lt(load16(cpu.sub(2)));
      body.if(next.lt(last).or(isBefore), () => {
        body.store32(bounds.add(runs.shl(2)), row);
        body.set(runs, runs.add(1));
      });
    });
    body.set(last, next);
    body.set(cpu, cpu.add(2));
    body.set(row, row.add(1));
  });
  body.store32(bounds.add(runs.shl(2)), count);
  return runs;
}

/** Merges [from, middle) and [middle, to), both in order; equal rows keep their order. */
function addMerging(module: WasmModule): Call {
  return module.func('mergeRuns', PARAMS, undefined, (body, all) => {
    const { scan, order, scratch, from, middle, to } = all;
    const times = body.local(load32(scan, SCAN.time));
    const cpus = body.local(load32(scan, SCAN.cpu));
    const rowAt = (place: Value) => load32(order.add(place.shl(2)));
    const timeOf = (row: Value) => loadDouble(times.add(row.shl(3)));
    const cpuOf = (row: Value) => load16(cpus.add(row.shl(1)));
    const right = body.local(rowAt(middle));
    const rightTime = body.local(timeOf(right));
    const left = body.local(asValue(0, 'i32'));
    const leftTime = body.local(rightTime);
    const isAfter = () =>
      leftTime.gt(rightTime).or(leftTime.eq(rightTime).and(cpuOf(left).gt(cpuOf(right))));
    // Only what overlaps is moved.
    const high = body.local(middle);
    const probe = body.local(from);
    body.while(from.lt(high), () => {
      body.set(probe, from.add(high).shr(1));
      body.set(left, rowAt(probe));
      body.set(leftTime, timeOf(left));
      body.if(
        isAfter(),
        () => body.set(high, probe),
        () => body.set(from, probe.add(1)),
      );
    });
    const lefts = body.local(middle.sub(from).shl(2));
    body.copy(scratch, order.add(from.shl(2)), lefts);
    const leftAt = body.local(scratch);
    const leftEnd = body.local(scratch.add(lefts));
    const rightAt = body.local(order.add(middle.shl(2)));
    const rightEnd = body.local(order.add(to.shl(2)));
    const out = body.local(order.add(from.shl(2)));
    body.set(left, load32(leftAt));
    body.set(leftTime, timeOf(left));
    body.while(leftAt.lt(leftEnd).and(rightAt.lt(rightEnd)), () => {
      body.if(
        isAfter(),
        () => {
          body.store32(out, right);
          body.set(rightAt, rightAt.add(4));
          body.set(right, load32(rightAt));
          body.if(rightAt.lt(rightEnd), () => body.set(rightTime, timeOf(right)));
        },
        () => {
          body.store32(out, left);
          body.set(leftAt, leftAt.add(4));
          body.set(left, load32(leftAt));
          body.if(leftAt.lt(leftEnd), () => body.set(leftTime, timeOf(left)));
        },
      );
      body.set(out, out.add(4));
    });
    body.copy(out, leftAt, leftEnd.sub(leftAt));
  });
}
