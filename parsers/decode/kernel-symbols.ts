/** The kernel's list of symbols, as a capture keeps it, → names of addresses. */
import type { SymbolResolver } from './event-columns.ts';

/** Resolves to the symbol at or before an address; to the address itself when there is none. */
export function symbolResolver(text: string): SymbolResolver {
  let table: { address: bigint; name: string }[] | undefined;
  return (address) => {
    table ??= parseSymbols(text);
    let low = 0;
    let high = table.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((table[middle]?.address ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    return table[low - 1]?.name ?? `0x${address.toString(16)}`;
  };
}

// ffffffff811d3e60 T super_cache_scan	[module]
function parseSymbols(text: string): { address: bigint; name: string }[] {
  const symbols: { address: bigint; name: string }[] = [];
  for (const line of text.split('\n')) {
    const match = /^([0-9a-fA-F]{1,16}) \S (\S+)/.exec(line);
    if (match !== null) symbols.push({ address: BigInt(`0x${match[1]}`), name: match[2] ?? '' });
  }
  return symbols.sort((left, right) => (left.address < right.address ? -1 : 1));
}
