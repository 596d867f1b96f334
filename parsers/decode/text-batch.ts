/**
 * A layout as the loops of text-loops.ts follow it, through the payloads of many rows at once.
 * text-match.ts is the plain version, row by row; both give the same columns.
 */
import type { Layout } from './text-match.ts';
import type { TextMemory } from './text-memory.ts';
import { PLACE } from './text-places.ts';

/** Writes down what `followRow` reads, if the memory has room for it. */
export function placeLayout(layout: Layout, memory: TextMemory): void {
  const { slots, tail, isOpen, isWhole } = layout;
  const tailAt = memory.addLiteral(tail.bytes);
  const numbers = [slots.length, tailAt, Number(isOpen), Number(isWhole)];
  let hasRoom = tailAt !== 0;
  for (const { literal, until, exact, read, sink } of slots) {
    const { nth, id, divisor, radix } = sink;
    const literalAt = memory.addLiteral(literal.bytes);
    const untilAt = until.length === 0 ? 0 : memory.addLiteral(until.bytes);
    hasRoom &&= literalAt !== 0 && (untilAt !== 0 || until.length === 0);
    const bitsEach = radix === 10 ? 0 : Math.log2(radix);
    numbers.push(read, literalAt, Number(exact), untilAt, nth, divisor, bitsEach, id);
  }
  layout.at = hasRoom ? memory.addNumbers(numbers) : 0;
}

/** What `followRows` has found to be wider than a double, in rows that it has read. */
export function keepExact({ slots }: Layout, memory: TextMemory, firstRow: number): void {
  const { i32, u64, at } = memory;
  const end = PLACE.WIDE + 16 * memory.get(PLACE.WIDE_COUNT);
  for (let from = PLACE.WIDE; from < end; from += 16) {
    const place = i32[from >> 2] as number;
    const nth = i32[(from >> 2) + 1];
    if ((at[place] as number) < 0) continue;
    const sink = slots.find((slot) => slot.sink.nth === nth)?.sink;
    sink?.exact.set(firstRow + place, u64[(from + 8) >> 3] as bigint);
  }
}
