/** Names of tasks by pid, as the recorder wrote them down → dictionary codes. */
import { derivedTextColumn, type TextColumn } from '../../../src/trace/column.ts';
import { TextInterner } from '../../decode/intern.ts';
import type { TaskNames } from '../../decode/tracing-header.ts';

/** The largest pid that a kernel gives (PID_MAX_LIMIT, include/linux/threads.h). */
const MAX_PIDS = 1 << 22;

export type TaskCodes = {
  readonly dictionary: readonly string[];
  /** By pid; pids beyond it have no name. */
  readonly codes: Uint32Array;
};

/** What trace-cmd prints for task 0, and for a task whose name was not written down. */
const NAMELESS: readonly string[] = ['<idle>', '<...>'];
const IDLE_CODE = 0;
const NO_NAME_CODE = 1;

export function taskCodes(tasks: TaskNames): TaskCodes {
  const interner = new TextInterner();
  for (const name of NAMELESS) interner.code(name);
  const pids = [...tasks.keys()].filter((pid) => pid > 0 && pid < MAX_PIDS);
  const most = pids.reduce((largest, pid) => Math.max(largest, pid), 0);
  const codes = new Uint32Array(most + 1).fill(NO_NAME_CODE);
  for (const pid of pids) codes[pid] = interner.code(tasks.get(pid) as string);
  codes[0] = IDLE_CODE;
  return { dictionary: interner.dictionary, codes };
}

/** The names of the tasks that wrote the events. */
export function commColumn(pids: Int32Array, { codes, dictionary }: TaskCodes): TextColumn {
  const nameAll = (): Uint32Array => {
    const names = new Uint32Array(pids.length);
    for (let row = 0; row < pids.length; row++) {
      // A pid that is no number of a task, as -1, has no name either.
      const pid = (pids[row] as number) >>> 0;
      names[row] = pid < codes.length ? (codes[pid] as number) : NO_NAME_CODE;
    }
    return names;
  };
  return derivedTextColumn(pids.length, nameAll, dictionary);
}
