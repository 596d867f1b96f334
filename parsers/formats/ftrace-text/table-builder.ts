/** One table while it grows: base columns in blocks, the payload's columns in their reader. */
import type { EventDefinition } from '../../../src/events/index.ts';
import { type Column, numberColumn, textColumn } from '../../../src/trace/column.ts';
import { makeTable, type Table } from '../../../src/trace/table.ts';
import { joinChunks } from '../../decode/chunks.ts';
import { FIRST_BLOCK_ROWS, MAX_BLOCK_ROWS } from '../../decode/text-columns.ts';
import { PayloadReader } from '../../decode/text-fields.ts';

/** The base columns of a stretch of rows. */
type Block = {
  readonly ts: Float64Array;
  readonly cpu: Uint16Array;
  readonly pid: Int32Array;
  readonly comm: Uint32Array;
  readonly seq: Uint32Array;
};

export type TableBuilder = {
  readonly name: string;
  readonly system: string;
  readonly known: boolean;
  readonly payloads: PayloadReader;
  readonly full: Block[];
  block: Block;
  blockRows: number;
  /** Rows in the current block. */
  rows: number;
};

export function makeBuilder(
  name: string,
  definition: EventDefinition | undefined,
  pageSize: number,
): TableBuilder {
  return {
    name,
    system: definition?.system ?? '',
    known: definition !== undefined,
    payloads: new PayloadReader(definition, FIRST_BLOCK_ROWS, { pageSize }),
    full: [],
    block: makeBlock(FIRST_BLOCK_ROWS),
    blockRows: FIRST_BLOCK_ROWS,
    rows: 0,
  };
}

function makeBlock(rows: number): Block {
  return {
    ts: new Float64Array(rows),
    cpu: new Uint16Array(rows),
    pid: new Int32Array(rows),
    comm: new Uint32Array(rows),
    seq: new Uint32Array(rows),
  };
}

export function nextBlock(builder: TableBuilder): void {
  builder.full.push(builder.block);
  const rows = Math.min(MAX_BLOCK_ROWS, builder.blockRows * 2);
  builder.payloads.nextBlock(builder.rows, rows);
  builder.block = makeBlock(rows);
  builder.blockRows = rows;
  builder.rows = 0;
}

export function hasRows(builder: TableBuilder): boolean {
  return builder.full.length + builder.rows > 0;
}

/** Times were counted from the file's first event; `shift` makes them start at 0. */
export function finishTable(builder: TableBuilder, comms: readonly string[], shift: number): Table {
  const blocks = [...builder.full, trimmed(builder.block, builder.rows)];
  const ts = joinChunks(
    blocks.map((block) => block.ts),
    new Float64Array(),
  );
  if (shift !== 0) for (let row = 0; row < ts.length; row++) (ts[row] as number) += shift;
  const base: Record<string, Column> = {
    ts_ns: numberColumn(ts, 'ns'),
    cpu: numberColumn(
      joinChunks(
        blocks.map((block) => block.cpu),
        new Uint16Array(),
      ),
      'id',
    ),
    pid: numberColumn(
      joinChunks(
        blocks.map((block) => block.pid),
        new Int32Array(),
      ),
      'id',
    ),
    comm: textColumn(
      joinChunks(
        blocks.map((block) => block.comm),
        new Uint32Array(),
      ),
      comms,
    ),
    seq: numberColumn(
      joinChunks(
        blocks.map((block) => block.seq),
        new Uint32Array(),
      ),
      'count',
    ),
  };
  const { name, system, known } = builder;
  return makeTable(name, { ...base, ...builder.payloads.finish(builder.rows) }, { system, known });
}

function trimmed(block: Block, rows: number): Block {
  return {
    ts: block.ts.subarray(0, rows),
    cpu: block.cpu.subarray(0, rows),
    pid: block.pid.subarray(0, rows),
    comm: block.comm.subarray(0, rows),
    seq: block.seq.subarray(0, rows),
  };
}
