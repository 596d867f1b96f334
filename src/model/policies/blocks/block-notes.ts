/** What a run of a block-state policy makes one want to know, in sentences. */
import type { BlockRun } from './block-run.ts';

const KIB = 1024;
const MIB = KIB * KIB;

function amount(bytes: number): string {
  if (bytes >= MIB) return `${(bytes / MIB).toFixed(1)} MiB`;
  return bytes >= KIB ? `${(bytes / KIB).toFixed(1)} KiB` : `${bytes} bytes`;
}

export function blockNotes(run: BlockRun): readonly string[] {
  return [...memoryNotes(run), ...writeNotes(run), ...callNotes(run)];
}

function memoryNotes({ most_state_bytes, scheme, block, sizes }: BlockRun): readonly string[] {
  const orders = [...sizes].sort(([left], [right]) => left - right);
  const dirtied = orders.map(([bytes, count]) => `${count} of ${amount(bytes)}`).join(', ');
  return [
    `state of blocks (${scheme}, blocks of ${amount(block)}) takes at most ` +
      `${amount(most_state_bytes)} for folios that came into the cache while recording`,
    ...(dirtied === '' ? [] : [`folios dirtied: ${dirtied}`]),
  ];
}

function writeNotes({ folio_bytes, sent_bytes, io, facts }: BlockRun): readonly string[] {
  if (folio_bytes === 0) return [];
  const rest = folio_bytes - sent_bytes;
  const isKnown = (facts.range_wbs?.size ?? 0) + (facts.sent_wbs?.size ?? 0) > 0;
  const source = isKnown
    ? ''
    : '; nothing tells what was written into a folio, so all of it counts';
  return [
    `${amount(sent_bytes)} sent for ${amount(folio_bytes)} of dirty folios (by ${io})` +
      (rest > 0 ? `: ${amount(rest)} of write amplification avoided` : '') +
      source,
  ];
}

function callNotes({ calls, whole, inline, scheme, facts }: BlockRun): readonly string[] {
  const kind = facts.switches['block.callouts'] ?? (scheme === 'buffer-heads' ? 'block' : 'extent');
  const cost = facts.switches['block.callout-us'] ?? 0;
  const own = kind === 'extent' ? calls.extent : calls[kind] + whole[kind];
  const time = cost > 0 ? `, ${((own * cost) / 1000).toFixed(1)} ms` : '';
  const notes: string[] = [];
  if (calls.extent > 0) {
    notes.push(
      `buffered writes met ${calls.extent} mappings, ${calls.folio} folios, ${calls.block} blocks`,
      `${inline} of the mappings were of inline data`,
    );
  }
  if (whole.folio > 0) {
    notes.push(
      `${whole.folio} more folios with ${whole.block} blocks turned dirty; how many mappings ` +
        'that took needs iomap_iter and iomap_iter_dstmap',
    );
  }
  if (kind !== 'extent' || calls.extent > 0) {
    notes.push(`${own} calls of the file system by writes, one each ${kind}${time}`);
  }
  return notes;
}
