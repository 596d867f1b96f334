/** What /proc/zoneinfo says about the memory that is kept free (mm/vmstat.c zoneinfo_show_print). */
import type { ZoneReserve } from '../model/thresholds.ts';

export type Zones = {
  readonly zones: readonly (ZoneReserve & { readonly name: string })[];
  /** Where there is high memory, it counts as dirtyable only if a setting says so. */
  readonly high_memory: boolean;
};

/** Undefined for text that is not a complete zoneinfo. */
export function parseZones(zoneinfo: string | undefined): Zones | undefined {
  // Node 0, zone   Normal
  const parts = (zoneinfo ?? '').split(/^Node \d+, zone\s+/m).slice(1);
  const zones = parts.flatMap((part) => {
    const protection = /^\s+protection: \(([\d, ]+)\)/m.exec(part)?.[1]?.split(',').map(Number);
    const high = field(part, 'high');
    const managed = field(part, 'managed');
    if (protection === undefined || high === undefined || managed === undefined) return [];
    return [
      {
        name: /^\S+/.exec(part)?.[0] ?? '',
        protection_pages: Math.max(...protection),
        high_pages: Math.max(0, high - (field(part, 'boost') ?? 0)),
        managed_pages: managed,
      },
    ];
  });
  if (zones.length === 0 || zones.length < parts.length) return undefined;
  const high_memory = zones.some(({ name, managed_pages }) => /^High/.test(name) && managed_pages);
  return { zones, high_memory };
}

//         high     25557
function field(part: string, name: string): number | undefined {
  const text = new RegExp(`^\\s+${name}\\s+(\\d+)$`, 'm').exec(part)?.[1];
  return text === undefined ? undefined : Number(text);
}

export type ZoneSpan = {
  readonly node: number;
  /** Page frames of the zone, with holes between them; the end is not part of it. */
  readonly from_pfn: number;
  readonly to_pfn: number;
};

/** Where zones with memory lie, and in which node. Empty when the text does not say. */
export function parseSpans(zoneinfo: string | undefined): readonly ZoneSpan[] {
  const parts = (zoneinfo ?? '').split(/^(?=Node \d+, zone\s)/m);
  return parts.flatMap((part) => {
    const node = /^Node (\d+), zone/.exec(part)?.[1];
    // start_pfn:           1
    const start = /^\s+start_pfn:\s+(\d+)$/m.exec(part)?.[1];
    const spanned = field(part, 'spanned');
    if (node === undefined || start === undefined || !spanned) return [];
    const from_pfn = Number(start);
    return [{ node: Number(node), from_pfn, to_pfn: from_pfn + spanned }];
  });
}
