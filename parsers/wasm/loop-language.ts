/**
 * A small language for hot loops → functions of a WebAssembly module. It looks like TypeScript and
 * has what such loops need: integers of 32 bits (`i32`, the default) and 64 (`i64`, `5n`), doubles
 * (`f64`, `5e0`), `let`, assignment, `if`, `while`, `break`, `continue`, `return`, and functions.
 * Memory is read and written with the functions of INTRINSICS; operators are those of C, with
 * signed comparisons.
 *
 *   function spacesFrom(at): i32 { while (u8(at) == 32) { at += 1; } return at; }
 *
 * An `inline function` is one `return` and becomes part of its callers. Sources are ours alone:
 * what is wrong in one is a bug, and found when the program is built.
 */
import {
  asValue,
  type Body,
  type Call,
  type Loop,
  load8,
  load16,
  load32,
  load64,
  loadDouble,
  type Type,
  Value,
  type Variable,
  WasmModule,
} from './assembler.ts';

/** Comparisons of signed numbers and what else the assembler has no name for. */
const OPERATORS: Readonly<Record<string, Partial<Record<Type, number>>>> = {
  '+': { i32: 0x6a, i64: 0x7c, f64: 0xa0 },
  '-': { i32: 0x6b, i64: 0x7d, f64: 0xa1 },
  '*': { i32: 0x6c, i64: 0x7e, f64: 0xa2 },
  '/': { i64: 0x80, f64: 0xa3 },
  '&': { i32: 0x71, i64: 0x83 },
  '|': { i32: 0x72, i64: 0x84 },
  '^': { i32: 0x73, i64: 0x85 },
  '<<': { i32: 0x74, i64: 0x86 },
  '>>>': { i32: 0x76, i64: 0x88 },
  '==': { i32: 0x46, i64: 0x51, f64: 0x61 },
  '!=': { i32: 0x47, i64: 0x52, f64: 0x62 },
  '<': { i32: 0x48, i64: 0x53, f64: 0x63 },
  '>': { i32: 0x4a, i64: 0x55, f64: 0x64 },
  '<=': { i32: 0x4c, i64: 0x57, f64: 0x65 },
  '>=': { i32: 0x4e, i64: 0x59, f64: 0x66 },
};
/** From loose to tight. */
const LEVELS = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>>'],
  ['+', '-'],
  ['*', '/'],
];
const COMPARISONS = ['==', '!=', '<', '>', '<=', '>='];

type Intrinsic = { readonly takes: readonly Type[]; readonly give: (...args: Value[]) => Value };

const code = (takes: Type, operation: number, gives: Type): Intrinsic => ({
  takes: [takes],
  give: (value) => new Value(gives, [...value.code, operation]),
});
const load = (from: (address: Value) => Value): Intrinsic => ({ takes: ['i32'], give: from });

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  u8: load(load8),
  u16: load(load16),
  i32: load(load32),
  i64: load(load64),
  f64: load(loadDouble),
  wide: { takes: ['i32'], give: (value) => value.toWide() },
  low: { takes: ['i64'], give: (value) => value.toWord() },
  double: { takes: ['i64'], give: (value) => value.toDouble() },
  /** Zero bits above the highest one: 32 where there is none. */
  zerosAbove: code('i32', 0x67, 'i32'),
  /** Bits shifted out on the left come in on the right. */
  rotated: {
    takes: ['i64', 'i64'],
    give: (value, by) => new Value('i64', [...value.code, ...by.code, 0x89]),
  },
  negated: code('f64', 0x9a, 'f64'),
  /** Towards zero, and where there is no such i64 the nearest one. */
  truncated: {
    takes: ['f64'],
    give: (value) => new Value('i64', [...value.code, 0xfc, 0x06]),
  },
  /** Zero bits below the lowest one: 32 and 64 where there is none. */
  zerosBelow: code('i32', 0x68, 'i32'),
  zerosBelowWide: code('i64', 0x7a, 'i64'),
  /** One bit for each of the 16 bytes at an address: is it this byte? (v128.load, splat, …) */
  bytesEqual: {
    takes: ['i32', 'i32'],
    give: (at, byte) =>
      new Value('i32', [
        ...[...at.code, 0xfd, 0x00, 0, 0],
        ...[...byte.code, 0xfd, 0x0f],
        ...[0xfd, 0x23, 0xfd, 0x64],
      ]),
  },
};

const STORES: Readonly<
  Record<string, readonly [Type, (body: Body, address: Value, value: Value) => void]>
> = {
  setU8: ['i32', (body, address, value) => body.store8(address, value)],
  setU16: ['i32', (body, address, value) => body.store16(address, value)],
  setI32: ['i32', (body, address, value) => body.store32(address, value)],
  setI64: ['i64', (body, address, value) => body.store64(address, value)],
  setF64: ['f64', (body, address, value) => body.storeDouble(address, value)],
  /** 16 bytes, read before they are written. */
  copy16: ['i32', (body, to, from) => body.copy16(to, from)],
};

type Signature = {
  readonly name: string;
  readonly parameters: Readonly<Record<string, Type>>;
  readonly gives: Type | undefined;
  readonly isInline: boolean;
  /** Where its body begins. */
  readonly body: number;
};

type Program = {
  readonly tokens: readonly string[];
  readonly constants: Readonly<Record<string, number>>;
  readonly signatures: ReadonlyMap<string, Signature>;
  /** Functions so far: they stand before those that call them. */
  readonly calls: Map<string, Call>;
};

// blanks and comments; or a token: 0x7fn, 12, 1e9, 2.5, names, operators, anything else
const TOKEN =
  /\s+|\/\/.*|(0x[0-9a-f]+n?|\d[\d.]*(?:e\d+)?n?|[A-Za-z]\w*|>>>|<<|[-+*/&|^=!<>]=|&&|\|\||.)/g;

/** The bytes of a module that exports all functions; `constants` are names for integers. */
export function compileLoops(source: string, constants: Readonly<Record<string, number>>) {
  const tokens = [...source.matchAll(TOKEN)].flatMap(([, token]) => token ?? []);
  const module = new WasmModule();
  const signatures = signaturesOf(tokens);
  const program: Program = { tokens, constants, signatures, calls: new Map() };
  for (const { name, parameters, gives, isInline, body: start } of signatures.values()) {
    if (isInline) continue;
    const call = module.func(name, parameters, gives, (body, variables) => {
      new Compiler(program, body, { name, gives }, new Map(Object.entries(variables))).compile(
        start,
      );
    });
    program.calls.set(name, call);
  }
  return module.bytes();
}

function signaturesOf(tokens: readonly string[]): Map<string, Signature> {
  const signatures = new Map<string, Signature>();
  tokens.forEach((token, place) => {
    if (token !== 'function') return;
    const name = tokens[place + 1] as string;
    const parameters: Record<string, Type> = {};
    let at = place + 3;
    for (; tokens[at] !== ')'; at++) {
      if (tokens[at] === ',') continue;
      const isTyped = tokens[at + 1] === ':';
      parameters[tokens[at] as string] = isTyped ? (tokens[at + 2] as Type) : 'i32';
      if (isTyped) at += 2;
    }
    const gives = tokens[at + 1] === ':' ? (tokens[at + 2] as Type) : undefined;
    const isInline = tokens[place - 1] === 'inline';
    signatures.set(name, { name, parameters, gives, isInline, body: at + (gives ? 3 : 1) });
  });
  return signatures;
}

/** One function, token by token. */
class Compiler {
  readonly #program: Program;
  readonly #body: Body;
  readonly #own: { readonly name: string; readonly gives: Type | undefined };
  #names: Map<string, Variable>;
  #at = 0;
  #loop: Loop | undefined;

  constructor(
    program: Program,
    body: Body,
    own: { name: string; gives: Type | undefined },
    names: Map<string, Variable>,
  ) {
    this.#program = program;
    this.#body = body;
    this.#own = own;
    this.#names = names;
  }

  compile(start: number): void {
    this.#at = start;
    this.#block();
    // Behind the last return nothing is reached.
    if (this.#own.gives !== undefined) this.#body.code.push(0x00);
  }

  get #token(): string {
    return this.#program.tokens[this.#at] ?? '';
  }

  #take(expected?: string): string {
    const token = this.#token;
    if (expected !== undefined && token !== expected) this.#fail(`${token}, not ${expected}`);
    this.#at++;
    return token;
  }

  #fail(what: string): never {
    throw new Error(`the loop ${this.#own.name} has ${what}`);
  }

  #block(): void {
    this.#take('{');
    while (this.#token !== '}') this.#statement();
    this.#take('}');
  }

  #statement(): void {
    const token = this.#take();
    if (token === 'if') this.#if();
    else if (token === 'while') this.#while();
    else {
      this.#simple(token);
      this.#take(';');
    }
  }

  #simple(token: string): void {
    if (token === 'let') {
      const name = this.#take();
      this.#take('=');
      const value = this.#expression();
      const known = this.#names.get(name);
      if (known?.type === value.type) this.#body.set(known, value);
      else this.#names.set(name, this.#body.local(value));
    } else if (token === 'return') {
      if (this.#token === ';') this.#body.code.push(0x0f);
      else this.#body.return(this.#expression());
    } else if (token === 'break') this.#loop?.leave();
    else if (token === 'continue') this.#loop?.next();
    else if (this.#token === '(') this.#do(token);
    else this.#assign(token);
  }

  // at = 5    at += 5
  #assign(name: string): void {
    const variable = this.#names.get(name) ?? this.#fail(`no ${name} to set`);
    const operator = this.#take();
    const value = this.#expression();
    const isPlain = operator === '=';
    const changed = isPlain ? value : this.#operate(operator.slice(0, -1), variable, value);
    this.#body.set(variable, this.#expect(variable.type, changed));
  }

  #if(): void {
    const condition = this.#expect('i32', this.#expression());
    const otherwise = () => {
      this.#take('else');
      if (this.#token === 'if') this.#statement();
      else this.#block();
    };
    const hasElse = this.#program.tokens[this.#blockEnd() + 1] === 'else';
    this.#body.if(condition, () => this.#block(), hasElse ? otherwise : undefined);
  }

  /** Where the block that begins here is closed. */
  #blockEnd(): number {
    const { tokens } = this.#program;
    let at = this.#at;
    let depth = 0;
    do {
      if (tokens[at] === '{') depth++;
      if (tokens[at] === '}') depth--;
      at++;
    } while (depth > 0 && at < tokens.length);
    return at - 1;
  }

  #while(): void {
    const outer = this.#loop;
    const locals = this.#body.locals.length;
    const condition = this.#expect('i32', this.#expression());
    // Arguments of such a call would be computed once, before the loop.
    if (this.#body.locals.length > locals) this.#fail('an inline function in a condition of while');
    this.#body.while(condition, (loop) => {
      this.#loop = loop;
      this.#block();
    });
    this.#loop = outer;
  }

  #expect(wanted: Type, value: Value): Value {
    if (value.type !== wanted) this.#fail(`${value.type} for ${wanted} before ${this.#token}`);
    return value;
  }

  #expression(level = 0): Value {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#value();
    let value = this.#expression(level + 1);
    while (operators.includes(this.#token)) {
      value = this.#operate(this.#take(), value, this.#expression(level + 1));
    }
    return value;
  }

  #operate(operator: string, left: Value, right: Value): Value {
    this.#expect(left.type, right);
    // The right side is looked at only where the left one leaves it open.
    if (operator === '&&') {
      return new Value('i32', [...left.code, 0x04, 0x7f, ...right.code, 0x05, 0x41, 0, 0x0b]);
    }
    if (operator === '||') {
      return new Value('i32', [...left.code, 0x04, 0x7f, 0x41, 1, 0x05, ...right.code, 0x0b]);
    }
    const own = OPERATORS[operator]?.[left.type] ?? this.#fail(`${operator} for ${left.type}`);
    const type = COMPARISONS.includes(operator) ? 'i32' : left.type;
    return new Value(type, [...left.code, ...right.code, own]);
  }

  #value(): Value {
    const token = this.#take();
    if (token === '(') {
      const value = this.#expression();
      this.#take(')');
      return value;
    }
    if (token === '!') return this.#expect('i32', this.#value()).eq(0);
    if (token === '-') return numberOf(`-${this.#take()}`);
    if (/^\d/.test(token)) return numberOf(token);
    if (this.#token === '(') return this.#call(token);
    const constant = this.#program.constants[token];
    const variable = this.#names.get(token);
    if (variable !== undefined || constant === undefined) {
      return variable ?? this.#fail(`no ${token}`);
    }
    return asValue(constant, 'i32');
  }

  #arguments(takes: readonly Type[]): Value[] {
    this.#take('(');
    const values = takes.map((type, nth) => {
      if (nth > 0) this.#take(',');
      return this.#expect(type, this.#expression());
    });
    this.#take(')');
    return values;
  }

  /** A call for what it does. */
  #do(name: string): void {
    const store = STORES[name];
    if (store === undefined) {
      this.#body.do(this.#call(name));
      return;
    }
    const [address, value] = this.#arguments(['i32', store[0]]) as [Value, Value];
    store[1](this.#body, address, value);
  }

  #call(name: string): Value {
    const intrinsic = INTRINSICS[name];
    if (intrinsic !== undefined) return intrinsic.give(...this.#arguments(intrinsic.takes));
    const own = this.#program.signatures.get(name) ?? this.#fail(`no function ${name}`);
    const values = this.#arguments(Object.values(own.parameters));
    if (own.isInline) return this.#inline(own, values);
    const call = this.#program.calls.get(name) ?? this.#fail(`${name} before it is there`);
    return new Value(own.gives ?? 'i32', call(...values).code);
  }

  #inline({ parameters, body }: Signature, values: readonly Value[]): Value {
    const back = { at: this.#at, names: this.#names };
    const variables = values.map((value) => this.#body.local(value));
    const names = Object.keys(parameters);
    this.#names = new Map(names.map((name, nth) => [name, variables[nth] as Variable]));
    this.#at = body;
    this.#take('{');
    this.#take('return');
    const value = this.#expression();
    this.#at = back.at;
    this.#names = back.names;
    return value;
  }
}

// 12    0x7fn    1e9
function numberOf(token: string): Value {
  if (token.endsWith('n')) return asValue(BigInt(token.slice(0, -1)), 'i64');
  return asValue(Number(token), /^-?\d[\d.]*[.e]/.test(token) ? 'f64' : 'i32');
}
