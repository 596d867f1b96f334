/** What tests of texts share: a text in, as the program reads it, by whoever knows it. */
import { memorySource } from '../../parsers/bytes/source.ts';
import { IMPORTERS } from '../../parsers/importers.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';

/** Undefined where no importer knows the text. */
export async function importText(text: string | Uint8Array) {
  const bytes = new Uint8Array(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  const importer = IMPORTERS.find(({ sniff }) => sniff(bytes));
  if (importer === undefined) return undefined;
  const diagnostics = new DiagnosticCollector();
  const imported = await importer.read(memorySource('text', bytes), {
    dictionary: DICTIONARY,
    diagnostics,
    pageSize: 4096,
    progress() {},
  });
  const list = diagnostics.list();
  const told = list.map(({ code, count }) => [code, count] as const);
  const events = imported.meta.events.reduce((sum, { count }) => sum + count, 0);
  return { id: importer.id, ...imported, diagnostics: list, told, events };
}
