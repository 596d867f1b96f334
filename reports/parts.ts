/** Parts of a report that several outputs want. */
import { type ChartDetail, isChart } from './charts/kinds.ts';
import { DIAGNOSIS_SCHEMA, DIAGNOSIS_VERSION, type DiagnosisDocument } from './schema/diagnosis.ts';
import type { Report } from './schema/report.ts';

/** All charts in the order of the page: first the one that proves the verdict. */
export function chartsOf(report: Report): ChartDetail[] {
  const charts = report.sections.flatMap(({ details }) => details).filter(isChart);
  const main = charts.filter(({ id }) => id === report.headline.chart_id);
  return [...main, ...charts.filter((chart) => !main.includes(chart))];
}

/** The diagnosis as the document of its own that it is elsewhere. */
export function toDiagnosis({ generator, input, diagnosis }: Report): DiagnosisDocument {
  const { name, format, kernel, duration_ns, events } = input;
  return {
    schema: DIAGNOSIS_SCHEMA,
    version: DIAGNOSIS_VERSION,
    generator,
    input: { name, format, ...(kernel === undefined ? {} : { kernel }), duration_ns, events },
    ...diagnosis,
  };
}
