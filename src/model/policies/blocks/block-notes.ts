/** What a run of a block-state policy makes one want to know, in sentences. */
import { bytesText, thousands } from '../../../trace/wording.ts';
import type { BlockRun } from './block-run.ts';

export function blockNotes(run: BlockRun): readonly string[] {
  return [...memoryNotes(run), ...writeNotes(run), ...callNotes(run)];
}

function memoryNotes({ most_state_bytes, scheme, block, sizes }: BlockRun): readonly string[] {
  const orders = [...sizes].sort(([left], [right]) => left - right);
  const dirtied = orders
    .map(([bytes, count]) => `${thousands(count)} of ${bytesText(bytes)}`)
    .join(', ');
  return [
    `state of blocks (${scheme}, blocks of ${bytesText(block)}) takes at most ` +
      `${bytesText(most_state_bytes)} for folios that came into the cache while recording`,
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
    `${bytesText(sent_bytes)} sent for ${bytesText(folio_bytes)} of dirty folios (by ${io})` +
      (rest > 0 ? `: ${bytesText(rest)} of write amplification avoided` : '') +
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
      `buffered writes met ${thousands(calls.extent)} mappings, ` +
        `${thousands(calls.folio)} folios, ${thousands(calls.block)} blocks`,
      `${thousands(inline)} of the mappings were of inline data`,
    );
  }
  if (whole.folio > 0) {
    notes.push(
      `${thousands(whole.folio)} more folios with ${thousands(whole.block)} blocks turned dirty; ` +
        'how many mappings that took needs iomap_iter and iomap_iter_dstmap',
    );
  }
  if (kind !== 'extent' || calls.extent > 0) {
    notes.push(`${thousands(own)} calls of the file system by writes, one each ${kind}${time}`);
  }
  return notes;
}
