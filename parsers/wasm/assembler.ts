/**
 * A small assembler for WebAssembly: expressions and statements in TypeScript become the bytes of a
 * module. It exists for a few hot loops, which then run at full speed from their first turn, in all
 * threads, and with 64-bit integers; a compiler as a dependency would be larger than the project.
 *
 * Numbers are i32 (unsigned, also addresses), i64 and f64. Memory is imported, shared and
 * little-endian; loads and stores may be at any address.
 */

export type Type = 'i32' | 'i64' | 'f64';

const TYPE_CODES: Record<Type, number> = { i32: 0x7f, i64: 0x7e, f64: 0x7c };
const NO_RESULT = 0x40;

/** Operations on two values of a type; comparisons (from `eq` on) give an i32. Unsigned ones. */
const BINARY = {
  i32: { add: 0x6a, sub: 0x6b, mul: 0x6c, and: 0x71, or: 0x72, xor: 0x73, shl: 0x74, shr: 0x76 },
  i64: { add: 0x7c, sub: 0x7d, mul: 0x7e, and: 0x83, or: 0x84, xor: 0x85, shl: 0x86, shr: 0x88 },
  f64: { add: 0xa0, sub: 0xa1, mul: 0xa2 },
} as const;
const COMPARE = {
  i32: { eq: 0x46, ne: 0x47, lt: 0x49, gt: 0x4b, le: 0x4d, ge: 0x4f },
  i64: { eq: 0x51, ne: 0x52, lt: 0x54, gt: 0x56, le: 0x58, ge: 0x5a },
  f64: { eq: 0x61, ne: 0x62, lt: 0x63, gt: 0x64, le: 0x65, ge: 0x66 },
} as const;

export type Operand = number | bigint | Value;

/** An expression. Numbers beside it become constants of its type. */
export class Value {
  readonly type: Type;
  readonly code: readonly number[];

  constructor(type: Type, code: readonly number[]) {
    this.type = type;
    this.code = code;
  }

  #with(other: Operand, operation: number | undefined, type: Type): Value {
    if (operation === undefined) throw new Error(`no such operation on ${this.type}`);
    return new Value(type, [...this.code, ...asValue(other, this.type).code, operation]);
  }

  #binary(name: keyof (typeof BINARY)['i32'], other: Operand): Value {
    const operations: Partial<Record<string, number>> = BINARY[this.type];
    return this.#with(other, operations[name], this.type);
  }

  #compare(name: keyof (typeof COMPARE)['i32'], other: Operand): Value {
    return this.#with(other, COMPARE[this.type][name], 'i32');
  }

  add(other: Operand): Value {
    return this.#binary('add', other);
  }

  sub(other: Operand): Value {
    return this.#binary('sub', other);
  }

  mul(other: Operand): Value {
    return this.#binary('mul', other);
  }

  and(other: Operand): Value {
    return this.#binary('and', other);
  }

  or(other: Operand): Value {
    return this.#binary('or', other);
  }

  xor(other: Operand): Value {
    return this.#binary('xor', other);
  }

  shl(other: Operand): Value {
    return this.#binary('shl', other);
  }

  /** Shifts in zeros. */
  shr(other: Operand): Value {
    return this.#binary('shr', other);
  }

  eq(other: Operand): Value {
    return this.#compare('eq', other);
  }

  ne(other: Operand): Value {
    return this.#compare('ne', other);
  }

  lt(other: Operand): Value {
    return this.#compare('lt', other);
  }

  gt(other: Operand): Value {
    return this.#compare('gt', other);
  }

  le(other: Operand): Value {
    return this.#compare('le', other);
  }

  ge(other: Operand): Value {
    return this.#compare('ge', other);
  }

  #as(type: Type, ...operation: number[]): Value {
    return new Value(type, [...this.code, ...operation]);
  }

  /** The double nearest to an i32 or i64, signed or not. */
  toDouble(): Value {
    return this.#as('f64', this.type === 'i64' ? 0xba : 0xb8);
  }

  toSignedDouble(): Value {
    return this.#as('f64', this.type === 'i64' ? 0xb9 : 0xb7);
  }

  /** An i32 as an i64 with zeros above it, and the lower half of an i64. */
  toWide(): Value {
    return this.#as('i64', 0xad);
  }

  toWord(): Value {
    return this.#as('i32', 0xa7);
  }

  /** The i64 that a double stands for, the nearest if there is none. */
  toLong(): Value {
    return this.#as('i64', 0xfc, 6);
  }
}

/** A value that can be set. */
export class Variable extends Value {
  readonly index: number;

  constructor(type: Type, index: number) {
    super(type, [0x20, ...unsigned(index)]);
    this.index = index;
  }
}

export function asValue(operand: Operand, type: Type): Value {
  if (operand instanceof Value) return operand;
  if (type === 'f64') {
    const bytes = new Uint8Array(Float64Array.of(Number(operand)).buffer);
    return new Value(type, [0x44, ...bytes]);
  }
  const isWord = type === 'i32';
  const value = isWord ? BigInt.asIntN(32, BigInt(operand)) : BigInt.asIntN(64, BigInt(operand));
  return new Value(type, [isWord ? 0x41 : 0x42, ...signed(value)]);
}

function load(type: Type, code: number) {
  return (address: Value, offset = 0) =>
    new Value(type, [...address.code, code, 0, ...unsigned(offset)]);
}

// Marked so that a program that has the bytes already does without all this.
export const load8 = /* @__PURE__ */ load('i32', 0x2d);
export const load16 = /* @__PURE__ */ load('i32', 0x2f);
export const load32 = /* @__PURE__ */ load('i32', 0x28);
export const load64 = /* @__PURE__ */ load('i64', 0x29);
export const loadDouble = /* @__PURE__ */ load('f64', 0x2b);

/** `then` if the condition holds, else `otherwise`; both are computed. */
export function select(condition: Value, then: Value, otherwise: Operand): Value {
  const other = asValue(otherwise, then.type);
  return new Value(then.type, [...then.code, ...other.code, ...condition.code, 0x1b]);
}

/** Where a loop can be left, or begun anew. */
export type Loop = { readonly leave: () => void; readonly next: () => void };

/** The statements of a function, in the order in which they are asked for. */
export class Body {
  readonly code: number[] = [];
  readonly locals: Type[] = [];
  readonly #params: number;
  #depth = 0;

  constructor(params: number) {
    this.#params = params;
  }

  /** A new variable with that value. */
  local(value: Value): Variable {
    const variable = new Variable(value.type, this.#params + this.locals.length);
    this.locals.push(value.type);
    this.set(variable, value);
    return variable;
  }

  set(variable: Variable, value: Operand): void {
    this.code.push(...asValue(value, variable.type).code, 0x21, ...unsigned(variable.index));
  }

  #store(code: number, type: Type, address: Value, value: Operand, offset: number): void {
    this.code.push(...address.code, ...asValue(value, type).code, code, 0, ...unsigned(offset));
  }

  store8(address: Value, value: Operand, offset = 0): void {
    this.#store(0x3a, 'i32', address, value, offset);
  }

  store16(address: Value, value: Operand, offset = 0): void {
    this.#store(0x3b, 'i32', address, value, offset);
  }

  store32(address: Value, value: Operand, offset = 0): void {
    this.#store(0x36, 'i32', address, value, offset);
  }

  store64(address: Value, value: Operand, offset = 0): void {
    this.#store(0x37, 'i64', address, value, offset);
  }

  storeDouble(address: Value, value: Operand, offset = 0): void {
    this.#store(0x39, 'f64', address, value, offset);
  }

  /** Copies bytes, also where the two places overlap. */
  copy(to: Value, from: Value, bytes: Value): void {
    this.code.push(...to.code, ...from.code, ...bytes.code, 0xfc, 0x0a, 0, 0);
  }

  /** Copies 16 bytes at once (v128.load, v128.store). */
  copy16(to: Value, from: Value): void {
    this.code.push(...to.code, ...from.code, 0xfd, 0x00, 0, 0, 0xfd, 0x0b, 0, 0);
  }

  if(condition: Value, then: () => void, otherwise?: () => void): void {
    this.code.push(...condition.code, 0x04, NO_RESULT);
    this.#depth++;
    then();
    if (otherwise !== undefined) {
      this.code.push(0x05);
      otherwise();
    }
    this.#depth--;
    this.code.push(0x0b);
  }

  /** `next` also asks for the condition. */
  while(condition: Value, body: (loop: Loop) => void): void {
    this.code.push(0x02, NO_RESULT, 0x03, NO_RESULT);
    this.#depth += 2;
    const depth = this.#depth;
    const jump = (levels: number) => () => {
      this.code.push(0x0c, ...unsigned(this.#depth - depth + levels));
    };
    this.code.push(...condition.code, 0x45, 0x0d, 1);
    body({ leave: jump(1), next: jump(0) });
    this.code.push(0x0c, 0, 0x0b, 0x0b);
    this.#depth -= 2;
  }

  /** Calls a function for what it does. */
  do({ code }: Value): void {
    this.code.push(...code);
  }

  return(value: Value): void {
    this.code.push(...value.code, 0x0f);
  }
}

type Signature = { readonly params: readonly Type[]; readonly result: Type | undefined };

/** What calls a function: the value of its result. */
export type Call = (...args: Operand[]) => Value;

type Params = Readonly<Record<string, Type>>;
type Variables<P extends Params> = { readonly [Name in keyof P]: Variable };

/** Parameters of type i32. */
export function words<Name extends string>(...names: readonly Name[]): { [N in Name]: 'i32' } {
  return Object.fromEntries(names.map((name) => [name, 'i32'])) as { [N in Name]: 'i32' };
}

/** Functions and what they import; imports come first. */
export class WasmModule {
  readonly #imports: { readonly name: string; readonly signature: Signature }[] = [];
  readonly #functions: { name: string; signature: Signature; body: Body }[] = [];

  import(name: string, params: readonly Type[], result?: Type): Call {
    const signature = { params, result };
    this.#imports.push({ name, signature });
    return caller(this.#imports.length - 1, signature);
  }

  /** Exported under its name. `write` says what it does with its parameters. */
  func<P extends Params>(
    name: string,
    params: P,
    result: Type | undefined,
    write: (body: Body, params: Variables<P>) => void,
  ): Call {
    const names = Object.keys(params);
    const variables = names.map((param, at) => [param, new Variable(params[param] as Type, at)]);
    const body = new Body(names.length);
    const signature = { params: Object.values(params), result };
    write(body, Object.fromEntries(variables) as Variables<P>);
    this.#functions.push({ name, signature, body });
    return caller(this.#imports.length + this.#functions.length - 1, signature);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const signatures = [...this.#imports, ...this.#functions].map(({ signature }) => signature);
    const types = signatures.map(({ params, result }) => [
      0x60,
      ...list(params.map((type) => [TYPE_CODES[type]])),
      ...list(result === undefined ? [] : [[TYPE_CODES[result]]]),
    ]);
    const memory = [...text('env'), ...text('memory'), 0x02, 0x03, 1, ...unsigned(MOST_PAGES)];
    const imports = this.#imports.map(({ name }, at) => [
      ...text('env'),
      ...text(name),
      0x00,
      ...unsigned(at),
    ]);
    const first = imports.length;
    const functions = this.#functions.map((_, at) => [...unsigned(first + at)]);
    const exports = this.#functions.map(({ name }, at) => [
      ...text(name),
      0x00,
      ...unsigned(first + at),
    ]);
    const code = this.#functions.map(({ body }) => {
      const locals = list(body.locals.map((type) => [1, TYPE_CODES[type]]));
      const bytes = [...locals, ...body.code, 0x0b];
      return [...unsigned(bytes.length), ...bytes];
    });
    return Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, types),
      ...section(2, [memory, ...imports]),
      ...section(3, functions),
      ...section(7, exports),
      ...section(10, code),
    ]);
  }
}

/** Of 64 KiB each: 4 GiB. */
export const MOST_PAGES = 65536;

function caller(index: number, { params, result }: Signature): Call {
  return (...args) => {
    if (args.length !== params.length) throw new Error('wrong number of arguments');
    const code = args.flatMap((arg, at) => asValue(arg, params[at] as Type).code);
    return new Value(result ?? 'i32', [...code, 0x10, ...unsigned(index)]);
  };
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const content = list(entries);
  return [id, ...unsigned(content.length), ...content];
}

function list(entries: readonly (readonly number[])[]): number[] {
  return [...unsigned(entries.length), ...entries.flat()];
}

function text(value: string): number[] {
  return list([...value].map((char) => [char.charCodeAt(0)]));
}

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const isLast = (rest === 0n && byte < 0x40) || (rest === -1n && byte >= 0x40);
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return bytes;
  }
}
