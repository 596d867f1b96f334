/**
 * The hot path of columns in WebAssembly: each function reads one field of all records of a
 * stretch, as the readers of decode/binary-fields.ts do, which are the plain version and what tests
 * compare with. Addresses are bytes in the memory that holds records and columns alike; `starts`
 * and `ends` list those of the records.
 *
 * Memory of columns begins as zeros, so rows before the first other value are passed over: what is
 * never written is never resident, and the kernel takes 2 µs for each page that is.
 */
import {
  asValue,
  type Body,
  type Call,
  load8,
  load16,
  load32,
  load64,
  select,
  type Value,
  type Variable,
  type WasmModule,
  words,
} from './assembler.ts';

/** A text that is remembered, by a hash of its beginning: its words, and what follows. */
export const TEXT_SLOT = { bytes: 64, count: 32, mask: 36, code: 40, words: 8 } as const;
/** In the first slot also: the last text of less than a word, and its code + 1. */
const SHORT_TEXT = { bits: 44, code: 48 } as const;
export const TEXT_SLOTS = 64;
/** A value that is remembered: its halves, and its code + 1. */
export const VALUE_SLOT = { bytes: 16, high: 4, code: 8 } as const;
export const VALUE_SLOTS = 256;
const GOLDEN = 0x9e3779b1;

const TWO_53 = 2n ** 53n;

/** Where a text lies in a record. */
export const IN_PLACE = 0;
export const DATA_LOC = 1;
export const REL_LOC = 2;

const PARAMS = /* @__PURE__ */ words('out', 'starts', 'count', 'offset');
type ColumnParams = Readonly<Record<keyof typeof PARAMS, Variable>>;

/** A column of an event, for the loops, by its place in bytes. */
export const COLUMN = {
  bytes: 40,
  /** Number of the loop that reads it (LOOPS). */
  loop: 0,
  /** Where row 0 is, and bytes of a value. */
  out: 4,
  width: 8,
  /** Place of the field in a record, its size, and for texts where they lie. */
  offset: 12,
  size: 16,
  place: 20,
  /** Memory for what is remembered, and the number to ask the program with. */
  slots: 24,
  number: 28,
  /** Set when a value of 8 bytes had its top bit: as a signed number, it is below zero. */
  hasSign: 32,
} as const;

export const LOOPS = [
  'copy8',
  'copy16',
  'copy32',
  'copy64',
  'double8',
  'double16',
  'double32',
  'signedDouble32',
  'double64',
  'textCodes',
  'valueCodes32',
  'valueCodes64',
  'widen32',
  'valueCodes8',
  'valueCodes16',
] as const;
export type ColumnLoop = (typeof LOOPS)[number];

/**
 * Adds them to a module, and returns what reads all columns of an event, from the first COLUMN to
 * the last: their rows from `row` on; `firstRow` is where the program counts from.
 */
export function addColumnLoops(module: WasmModule): Call {
  const large = module.import('largeValue', ['i32', 'i32', 'i32'], 'f64');
  const missingText = module.import('missingText', ['i32', 'i32', 'i32', 'i32'], 'i32');
  const missingValue = module.import('missingValue', ['i32', 'i64', 'i32'], 'i32');
  const loops: Record<ColumnLoop, Call> = {
    ...addCopies(module),
    ...addDoubles(module, large),
    textCodes: addTexts(module, missingText),
    ...addValues(module, missingValue),
  };
  const runs = RUNS.map((width) => [width, addDoubleRun(module, large, width)] as const);
  const params = words('from', 'to', 'row', 'firstRow', 'starts', 'ends', 'count');
  return module.func('readColumns', params, undefined, (body, all) => {
    const { from: at, to, row, firstRow, starts, ends, count } = all;
    const loop = body.local(asValue(0, 'i32'));
    const out = body.local(asValue(0, 'i32'));
    const [offset, size] = [load32(at, COLUMN.offset), load32(at, COLUMN.size)];
    const [slots, number] = [load32(at, COLUMN.slots), load32(at, COLUMN.number)];
    const width = load32(at, COLUMN.width);
    const first = load32(at, COLUMN.out).add(firstRow.mul(width));
    const more: Partial<Record<ColumnLoop, readonly Value[]>> = {
      double64: [first, at],
      textCodes: [ends, size, load32(at, COLUMN.place), slots, number],
      valueCodes8: [slots, number],
      valueCodes16: [slots, number],
      valueCodes32: [slots, number],
      valueCodes64: [slots, number],
    };
    body.while(at.lt(to), (columns) => {
      for (const [width, read] of runs) {
        body.if(beginsRun(at, to, width), () => {
          body.do(read(at, row, firstRow, starts, count));
          body.set(at, at.add(width * COLUMN.bytes));
          columns.next();
        });
      }
      body.set(loop, load32(at));
      body.set(out, load32(at, COLUMN.out).add(row.mul(width)));
      LOOPS.forEach((name, nth) => {
        body.if(loop.eq(nth), () =>
          body.do(loops[name](out, starts, count, offset, ...(more[name] ?? []))),
        );
      });
      body.set(at, at.add(COLUMN.bytes));
    });
  });
}

/** One turn for each record; the rows before the first value other than zero are left alone. */
function eachValue(
  body: Body,
  { out, starts, count, offset }: ColumnParams,
  width: number,
  read: (at: Value) => Value,
  write: (value: Variable, at: Variable) => void,
): void {
  const next = body.local(starts);
  const end = body.local(starts.add(count.shl(2)));
  body.while(next.lt(end), (loop) => {
    body.if(read(load32(next).add(offset)).ne(0), loop.leave);
    body.set(next, next.add(4));
    body.set(out, out.add(width));
  });
  const at = body.local(asValue(0, 'i32'));
  const value = body.local(read(at));
  body.while(next.lt(end), () => {
    body.set(at, load32(next).add(offset));
    body.set(value, read(at));
    write(value, at);
    body.set(next, next.add(4));
    body.set(out, out.add(width));
  });
}

/** Bits as they are. */
function addCopies(module: WasmModule) {
  return {
    copy8: module.func('copy8', PARAMS, undefined, (body, params) => {
      eachValue(body, params, 1, load8, (value) => body.store8(params.out, value));
    }),
    copy16: module.func('copy16', PARAMS, undefined, (body, params) => {
      eachValue(body, params, 2, load16, (value) => body.store16(params.out, value));
    }),
    copy32: module.func('copy32', PARAMS, undefined, (body, params) => {
      eachValue(body, params, 4, load32, (value) => body.store32(params.out, value));
    }),
    copy64: module.func('copy64', PARAMS, undefined, (body, params) => {
      eachValue(body, params, 8, load64, (value) => body.store64(params.out, value));
    }),
    widen32: module.func('widen32', PARAMS, undefined, (body, params) => {
      eachValue(body, params, 8, load32, (value) => body.store64(params.out, value.toWide()));
    }),
  };
}

/** Quantities as doubles. */
function addDoubles(module: WasmModule, large: Call) {
  const narrow = (
    name: string,
    read: (at: Value) => Value,
    toDouble = (one: Value) => one.toDouble(),
  ) =>
    module.func(name, PARAMS, undefined, (body, params) => {
      eachValue(body, params, 8, read, (value) => body.storeDouble(params.out, toDouble(value)));
    });
  return {
    double8: narrow('double8', load8),
    double16: narrow('double16', load16),
    double32: narrow('double32', load32),
    signedDouble32: narrow('signedDouble32', load32, (value) => value.toSignedDouble()),
    double64: addDouble64(module, large),
  };
}

/** What a double cannot hold, and does not stand for all 64 bits, is for the program to note. */
function addDouble64(module: WasmModule, large: Call): Call {
  const params = { ...PARAMS, ...words('firstRow', 'column') };
  return module.func('double64', params, undefined, (body, all) => {
    const { out, firstRow, column } = all;
    const double = body.local(asValue(0, 'f64'));
    eachValue(body, all, 8, load64, (value, at) => {
      body.set(double, value.toSignedDouble());
      body.if(value.ge(TWO_53), () => {
        readLarge(body, large, { value, double, column, at, row: out.sub(firstRow).shr(3) });
      });
      body.storeDouble(out, double);
    });
  });
}

type LargeValue = Readonly<Record<'value' | 'column' | 'at' | 'row', Value>> & {
  readonly double: Variable;
};

/** A value from 2^53 on, whose column is told if it has a sign. */
function readLarge(body: Body, large: Call, { value, double, column, at, row }: LargeValue): void {
  body.if(value.shr(63).toWord(), () => body.store32(column, 1, COLUMN.hasSign));
  body.if(double.toLong().ne(value), () => {
    body.set(double, large(load32(column, COLUMN.number), row, at));
  });
}

/** So many columns of 8 bytes in a row are read in one walk over the records. */
const RUNS = [4, 2] as const;

/** Do as many columns that double64 reads stand here? */
function beginsRun(at: Variable, to: Value, width: number): Value {
  const loops = Array.from({ length: width }, (_, nth) => load32(at, nth * COLUMN.bytes));
  const differ = loops.map((loop) => loop.xor(DOUBLE64)).reduce((all, one) => all.or(one));
  return at
    .add((width - 1) * COLUMN.bytes)
    .lt(to)
    .and(differ.eq(0));
}

const DOUBLE64 = LOOPS.indexOf('double64');

/** What double64 does, for some columns at once: records are in the nearest cache just once. */
function addDoubleRun(module: WasmModule, large: Call, width: number): Call {
  const params = words('columns', 'row', 'firstRow', 'starts', 'count');
  return module.func(`doubles${width}`, params, undefined, (body, all) => {
    const { columns, row, firstRow, starts, count } = all;
    const next = body.local(starts);
    const end = body.local(starts.add(count.shl(2)));
    const start = body.local(asValue(0, 'i32'));
    const double = body.local(asValue(0, 'f64'));
    const run = Array.from({ length: width }, (_, nth) => {
      const member = (place: number) => load32(columns, nth * COLUMN.bytes + place);
      return {
        column: columns.add(nth * COLUMN.bytes),
        offset: body.local(member(COLUMN.offset)),
        out: body.local(member(COLUMN.out).add(row.shl(3))),
        value: body.local(asValue(0n, 'i64')),
        // Zeros are there already, until the first other value.
        seen: body.local(asValue(0n, 'i64')),
      };
    });
    const all64 = run.map(({ value }): Value => value).reduce((one, other) => one.or(other));
    body.while(next.lt(end), () => {
      body.set(start, load32(next));
      for (const { value, offset } of run) body.set(value, load64(start.add(offset)));
      body.if(
        all64.lt(TWO_53),
        () => {
          for (const { value, seen, out } of run) {
            body.set(seen, seen.or(value));
            body.if(seen.ne(0), () => body.storeDouble(out, value.toSignedDouble()));
          }
        },
        () => {
          for (const { column, offset, value, seen, out } of run) {
            body.set(seen, seen.or(value));
            body.set(double, value.toSignedDouble());
            body.if(value.ge(TWO_53), () => {
              const place = row.sub(firstRow).add(next.sub(starts).shr(2));
              const at = start.add(offset);
              readLarge(body, large, { value, double, column, at, row: place });
            });
            body.if(seen.ne(0), () => body.storeDouble(out, double));
          }
        },
      );
      body.set(next, next.add(4));
      for (const { out } of run) body.set(out, out.add(8));
    });
  });
}

/** Codes of texts, which end with a NUL or where they must. */
function addTexts(module: WasmModule, missing: Call): Call {
  const params = { ...PARAMS, ...words('ends', 'size', 'place', 'slots', 'column') };
  return module.func('textCodes', params, undefined, (body, all) => {
    const { out, starts, count, offset, ends, size, place, slots, column } = all;
    const next = body.local(starts);
    const end = body.local(starts.add(count.shl(2)));
    const from = body.local(asValue(0, 'i32'));
    const limit = body.local(asValue(0, 'i32'));
    const code = body.local(asValue(0, 'i32'));
    const slot = body.local(asValue(0, 'i32'));
    const before = { mask: body.local(asValue(0n, 'i64')), bits: body.local(asValue(1n, 'i64')) };
    body.while(next.lt(end), () => {
      body.set(from, load32(next).add(offset));
      body.set(limit, load32(next.add(ends.sub(starts))));
      body.if(
        place.eq(IN_PLACE),
        () => body.set(limit, least(limit, from.add(size))),
        () => followLocation(body, { start: load32(next), from, limit, place }),
      );
      const hasRoom = limit.sub(from).ge(8);
      const isSame = load64(from).and(before.mask).eq(before.bits);
      body.if(hasRoom.and(isSame).eq(0), () => {
        findText(body, { from, limit, slots, slot, code }, () =>
          body.set(code, missing(column, from, limit, slot)),
        );
        rememberShort(body, { ...before, slot, code });
      });
      // The first text's code is zero, which is there already.
      body.if(code, () => body.store32(out, code));
      body.set(next, next.add(4));
      body.set(out, out.add(4));
    });
  });
}

/** Most texts are as the one before, and end within 8 bytes: then one comparison tells. */
function rememberShort(
  body: Body,
  { mask, bits, slot, code }: { mask: Variable; bits: Variable; slot: Value; code: Value },
): void {
  body.set(mask, 0n);
  body.set(bits, 1n);
  const isHere = slot.ne(0).and(load32(slot, TEXT_SLOT.code).eq(code));
  body.if(isHere.and(load32(slot, TEXT_SLOT.count).sub(1).lt(2)), () => {
    const own = load32(slot, TEXT_SLOT.mask).toWide();
    body.if(
      load32(slot, TEXT_SLOT.count).eq(1),
      () => body.set(mask, own),
      () => body.set(mask, own.shl(32).or(0xffffffffn)),
    );
    body.set(bits, load64(slot).and(mask));
  });
}

function least(one: Value, other: Value): Value {
  return select(one.lt(other), one, other);
}

/** `__data_loc` counts from the record's start, `__rel_loc` from behind itself. */
function followLocation(
  body: Body,
  { start, from, limit, place }: { start: Value; from: Variable; limit: Variable; place: Value },
): void {
  const word = body.local(load32(from));
  const origin = select(place.eq(DATA_LOC), start, from.add(4));
  body.set(from, least(limit, origin.add(word.and(0xffff))));
  body.set(limit, least(limit, from.add(word.shr(16))));
}

type TextSearch = {
  readonly from: Variable;
  readonly limit: Variable;
  readonly slots: Value;
  readonly slot: Variable;
  readonly code: Variable;
};

/** Sets `slot`, and `code` to the text's; asks `miss` to do so where it is not remembered. */
function findText(body: Body, search: TextSearch, miss: () => void): void {
  const { from, limit, slots, slot, code } = search;
  const length = body.local(limit.sub(from));
  const hash = body.local(asValue(0, 'i32'));
  const at = body.local(asValue(0, 'i32'));
  const last = body.local(asValue(0, 'i32'));
  body.set(slot, 0);
  body.set(code, NOT_FOUND);
  body.if(length.ge(4), () => {
    body.set(hash, load32(from));
    // Names of workers differ in the third word only.
    body.if(length.ge(12), () => {
      const more = load32(from, 4).mul(5).xor(load32(from, 8).mul(17));
      body.set(hash, hash.xor(more));
    });
    body.set(hash, hash.mul(GOLDEN));
    body.set(
      slot,
      slots.add(
        hash
          .xor(hash.shr(15))
          .and(TEXT_SLOTS - 1)
          .shl(6),
      ),
    );
    body.set(last, load32(slot, TEXT_SLOT.count).shl(2));
    body.if(last.ne(0), () => {
      body.set(last, last.sub(4));
      body.if(last.lt(length), () => {
        body.set(at, 0);
        body.while(at.lt(last), (loop) => {
          body.if(load32(from.add(at)).ne(load32(slot.add(at))), loop.leave);
          body.set(at, at.add(4));
        });
        const tail = load32(from.add(at)).and(load32(slot, TEXT_SLOT.mask));
        body.if(at.eq(last).and(tail.eq(load32(slot.add(at)))), () => {
          body.set(code, load32(slot, TEXT_SLOT.code));
        });
      });
    });
  });
  body.if(code.eq(NOT_FOUND), () => {
    body.if(length.ge(4), miss, () => findShort(body, search, length, miss));
  });
}

const NOT_FOUND = 0xffffffff;

/** Texts that are empty, mostly: asking for each of 3500 made the program compile what answers. */
function findShort(
  body: Body,
  { from, slots, code }: TextSearch,
  length: Value,
  miss: () => void,
): void {
  const bits = body.local(load32(from).and(asValue(1, 'i32').shl(length.shl(3)).sub(1)));
  const isSame = load32(slots, SHORT_TEXT.bits).eq(bits);
  body.if(
    isSame.and(load32(slots, SHORT_TEXT.code).ne(0)),
    () => body.set(code, load32(slots, SHORT_TEXT.code).sub(1)),
    () => {
      miss();
      body.store32(slots, bits, SHORT_TEXT.bits);
      body.store32(slots, code.add(1), SHORT_TEXT.code);
    },
  );
}

/** Codes of what values stand for. */
function addValues(module: WasmModule, missing: Call) {
  return {
    valueCodes8: addValueCodes(module, 'valueCodes8', (at) => load8(at).toWide(), missing),
    valueCodes16: addValueCodes(module, 'valueCodes16', (at) => load16(at).toWide(), missing),
    valueCodes32: addValueCodes(module, 'valueCodes32', (at) => load32(at).toWide(), missing),
    valueCodes64: addValueCodes(module, 'valueCodes64', load64, missing),
  };
}

function addValueCodes(
  module: WasmModule,
  name: string,
  read: (at: Value) => Value,
  missing: Call,
): Call {
  const params = { ...PARAMS, ...words('slots', 'column') };
  return module.func(name, params, undefined, (body, all) => {
    const { out, starts, count, offset, slots, column } = all;
    const next = body.local(starts);
    const end = body.local(starts.add(count.shl(2)));
    const value = body.local(asValue(0n, 'i64'));
    const hash = body.local(asValue(0, 'i32'));
    const slot = body.local(asValue(0, 'i32'));
    const code = body.local(asValue(0, 'i32'));
    body.while(next.lt(end), () => {
      body.set(value, read(load32(next).add(offset)));
      body.set(hash, value.xor(value.shr(32)).toWord().mul(GOLDEN));
      // The top bits: by the low ones three states of inodes fell on one place, and for 3.3 M
      // events each thread asked the program 440 times instead of 91.
      body.set(hash, hash.shr(32 - Math.log2(VALUE_SLOTS)));
      const look = (place: Value) => {
        body.set(slot, slots.add(place.mul(VALUE_SLOT.bytes)));
        body.set(code, load32(slot, VALUE_SLOT.code).sub(1));
      };
      look(hash);
      // Of two values that fall on one place, the second stands beside it.
      body.if(code.ne(NOT_FOUND).and(load64(slot).ne(value)), () => look(hash.xor(1)));
      body.if(code.eq(NOT_FOUND).or(load64(slot).ne(value)), () => {
        body.set(code, missing(column, value, slot));
      });
      body.if(code, () => body.store32(out, code));
      body.set(next, next.add(4));
      body.set(out, out.add(4));
    });
  });
}
