/** A program as users write it: compiled by library.test.ts as strictly as a compiler can. */
import { type ArqueroTable, diagnose, lawsOf, model, openTrace, replay, toArquero } from 'tidemark';

export async function longPauses(path: string): Promise<readonly object[]> {
  const trace = await openTrace(path);
  const result = replay(trace);
  const wrong = lawsOf(result).filter(({ result: law }) => law.exact < law.n);
  const { summary } = diagnose(trace).verdict;
  const ledger = new model.Ledger();
  ledger.post('dirty', ledger.holder({ wb: 1, memcg: 7 }), wrong.length + summary.length);
  const pauses = trace.tables.get('balance_dirty_pages');
  if (pauses === undefined) return [];
  const table: ArqueroTable = toArquero(pauses);
  return table
    .filter((row) => row.pause_ms > 100 && row.comm !== 'fio')
    .groupby('comm')
    .rollup({ longest_ms: 'd => op.max(d.pause_ms)' })
    .objects({ limit: 10 });
}
