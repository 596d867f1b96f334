/** `tidemark systems`: what can be compared; of one system what it models and what it does not. */
import { hanging } from '../../../reports/terminal.ts';
import { SWITCH_NAMES, switchRow } from '../../model/switches.ts';
import { NEEDS, SYSTEMS, type System } from '../../model/systems.ts';
import { SYSTEMS_VERSION, type SystemsDocument } from '../compare/schema.ts';
import { findSystem, valuesOf } from '../compare/switch-options.ts';
import { parseOptions, SystemsOptions } from '../config.ts';
import { type Io, screenColumns } from '../io.ts';

export function systems(name: string | undefined, raw: unknown, io: Io): void {
  const { json } = parseOptions(SystemsOptions, raw);
  const chosen = name === undefined ? undefined : findSystem(name, 'systems');
  const document = systemsDocument(chosen === undefined ? SYSTEMS : [chosen]);
  const columns = screenColumns(io, WIDEST);
  if (json) io.out(`${JSON.stringify(document, undefined, 2)}\n`);
  else io.out(chosen === undefined ? listText(SYSTEMS, columns) : fullText(document, columns));
}

/** One line tells more of a system's sources where there is room. */
const WIDEST = 160;

/** What `systems --json` prints. */
export function systemsDocument(chosen: readonly System[]): SystemsDocument {
  const heard = SWITCH_NAMES.filter((name) => chosen.some(({ listens }) => listens.includes(name)));
  return {
    version: SYSTEMS_VERSION,
    systems: chosen.map((system) => ({
      id: system.id,
      title: system.title,
      switches: { ...system.switches },
      modelled: system.modelled,
      not_modelled: system.notModelled,
      sources: [...system.sources],
      needs: system.needs.map((need) => ({
        need,
        events: [...NEEDS[need].events],
        why: NEEDS[need].why,
      })),
      listens: [...system.listens],
    })),
    switches: heard.map((name) => {
      const row = switchRow(name);
      return { name, values: valuesOf(row), meaning: row.meaning, otherwise: row.otherwise };
    }),
  };
}

/** One line each: the name, what it is, and where that is from, as much as fits. */
function listText(systems: readonly System[], columns: number): string {
  const name = Math.max(...systems.map(({ id }) => id.length));
  const title = Math.max(...systems.map((system) => system.title.length));
  const left = columns - name - title - 4;
  const lines = systems.map((system) => {
    const whole = system.sources.join('; ');
    const source = whole.length <= left ? whole : system.from;
    const line = `${system.id.padEnd(name)}  ${system.title.padEnd(title)}  ${source}`;
    return `${cut(line.trimEnd(), columns)}\n`;
  });
  const more = 'tidemark systems NAME says what it models, what not, and its switches';
  return `${lines.join('')}\n${more}\n`;
}

const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;

function fullText({ systems: [system], switches }: SystemsDocument, columns: number): string {
  if (system === undefined) return '';
  const set = Object.entries(system.switches).map(([name, value]) => `${name}=${value}`);
  const events = [...new Set(system.needs.flatMap((need) => need.events))];
  const rows: readonly (readonly [string, string])[] = [
    ['models', system.modelled],
    ['not', system.not_modelled],
    ['source', system.sources.join('; ')],
    ['needs', events.join(', ')],
    ...(set.length === 0 ? [] : [['sets', set.join(', ')] as const]),
  ];
  const body = rows.map(([label, text]) => hanging(text, columns, `  ${label.padEnd(8)}`));
  const listed = switches.map(({ name, values, meaning, otherwise }) =>
    hanging(`${name}: ${meaning} (${values}; otherwise ${otherwise})`, columns, '  '),
  );
  const head = `${system.id}: ${system.title}\n`;
  const title = '\nswitches: tidemark compare --set NAME=VALUE\n';
  return `${head}${body.join('')}${listed.length === 0 ? '' : title}${listed.join('')}`;
}
