/** `tidemark compare`: one history under two systems. */
import { renderHtml } from '../../../reports/index.ts';
import { keepUnlessUnread } from '../../findings/unread-events.ts';
import { compareSystems } from '../../replay/compare/compare.ts';
import { openCapture } from '../capture.ts';
import { compareDocument } from '../compare/document.ts';
import { compareReport } from '../compare/report.ts';
import { chooseSystems, findSystem } from '../compare/switch-options.ts';
import { compareText } from '../compare/text.ts';
import { CompareOptions, parseOptions } from '../config.ts';
import { checkWritable, writeWhole } from '../files.ts';
import { type Io, screenColumns, tableColumns } from '../io.ts';
import { pageAssets } from '../report/page-assets.ts';

export async function compare(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(CompareOptions, raw);
  const { system, set, output, json } = options;
  const chosen = chooseSystems([findSystem(system[0]), findSystem(system[1])], set);
  if (output !== undefined) checkWritable(output);
  const trace = await openCapture(file, options, io, keepUnlessUnread);
  const comparison = compareSystems(trace, chosen);
  if (output !== undefined) {
    writeWhole(output, renderHtml(compareReport(file, trace, comparison), pageAssets()));
  }
  if (json) io.out(`${JSON.stringify(compareDocument(comparison))}\n`);
  else io.out(compareText(comparison, screenColumns(io), tableColumns(io)));
  if (output !== undefined && !json && !options.quiet) io.out(`\nwritten to ${output}\n`);
}
