/** `tidemark systems`: what can be compared, what each models and what it does not. */
import { SWITCH_NAMES, switchRow } from '../../model/switches.ts';
import { NEEDS, SYSTEMS } from '../../model/systems.ts';
import { SYSTEMS_VERSION, type SystemsDocument } from '../compare-schema.ts';
import { parseOptions, SystemsOptions } from '../config.ts';
import type { Io } from '../io.ts';
import { valuesOf } from '../switch-options.ts';

export function systems(raw: unknown, io: Io): void {
  const { json } = parseOptions(SystemsOptions, raw);
  const document = systemsDocument();
  io.out(json ? `${JSON.stringify(document, undefined, 2)}\n` : systemsText(document));
}

export function systemsDocument(): SystemsDocument {
  return {
    version: SYSTEMS_VERSION,
    systems: SYSTEMS.map((system) => ({
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
    switches: SWITCH_NAMES.map((name) => {
      const row = switchRow(name);
      return { name, values: valuesOf(row), meaning: row.meaning, otherwise: row.otherwise };
    }),
  };
}

function systemsText({ systems, switches }: SystemsDocument): string {
  const list = systems.map(({ id, title, modelled, not_modelled, sources, listens }) => {
    const set = listens.length === 0 ? '' : `    --set    ${listens.join(', ')}\n`;
    return (
      `${id}: ${title}\n` +
      `    models   ${modelled}\n` +
      `    not      ${not_modelled}\n` +
      `    source   ${sources.join('; ')}\n${set}`
    );
  });
  const names = switches.map(
    ({ name, values, meaning, otherwise }) =>
      `  ${name}: ${meaning} (${values}; otherwise ${otherwise})\n`,
  );
  return `${list.join('')}\nswitches of compare --set NAME=VALUE\n${names.join('')}`;
}
