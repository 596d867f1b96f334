/** A comparison as the document that `tidemark compare --json` prints. */

import { COUNTERS } from '../../model/view.ts';
import { fitWords } from '../../replay/compare/differences.ts';
import type { Comparison, SystemResult } from '../../replay/compare/result.ts';
import { COMPARE_VERSION, type CompareDocument } from './schema.ts';

/** More stretches than these make a document large and nobody wiser. */
const MOST_STRETCHES = 1000;

/** What `compare --json` prints. */
export function compareDocument(comparison: Comparison): CompareDocument {
  const { fits, t_ns, systems, differences } = comparison;
  const words = fits === undefined ? [] : COUNTERS.map((name) => fitWords(name, fits));
  return {
    version: COMPARE_VERSION,
    window_ns: [0, comparison.duration_ns],
    page_size: comparison.page_size,
    level: 'c',
    fits: words.filter((fit) => fit !== undefined),
    t_ns: [...t_ns],
    systems: [systemJson(systems[0]), systemJson(systems[1])],
    differences: differences.map(({ fit, ...rest }) => ({ ...rest, fit: fit ?? null })),
    assumptions: [...comparison.assumptions],
    notes: [...comparison.notes],
  };
}

type SystemJson = CompareDocument['systems'][number];

function systemJson(result: SystemResult): SystemJson {
  const about = { id: result.id, title: result.title, switches: { ...result.switches } };
  if (result.status === 'not-applicable') {
    const needs = result.needs.map((one) => ({ ...one, events: [...one.events] }));
    return { ...about, status: result.status, needs };
  }
  const { throttling, memory_bytes, written_bytes, tasks, notes } = result;
  return {
    ...about,
    status: result.status,
    throttling: {
      first_ns: throttling.first_ns ?? null,
      total_ns: throttling.total_ns,
      stretches: throttling.stretches
        .slice(0, MOST_STRETCHES)
        .map(({ from_ns, to_ns }) => ({ from_ns, to_ns })),
      omitted: Math.max(0, throttling.stretches.length - MOST_STRETCHES),
    },
    memory_bytes,
    written_bytes,
    tasks: tasks.map((task) => ({
      pid: task.pid,
      comm: task.comm,
      charged: task.charged,
      entries: task.entries,
      throttled: task.throttled,
      first_throttled_ns: task.first_throttled_ns ?? null,
      recorded: task.recorded ?? null,
    })),
    notes: [...notes],
    series: result.series.map(({ counter, unit, bdi, values }) => ({
      counter,
      unit,
      bdi: bdi ?? null,
      values: Array.from(values, (value) => (Number.isNaN(value) ? null : value)),
    })),
  };
}
