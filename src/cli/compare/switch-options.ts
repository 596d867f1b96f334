/** `--set NAME=VALUE` → switches of systems, checked against the registry. */
import * as z from 'zod';
import {
  SWITCH_NAMES,
  type SwitchName,
  type SwitchRow,
  type SwitchValues,
  switchRow,
} from '../../model/switches.ts';
import { SYSTEMS, type System, systemOf } from '../../model/systems.ts';
import type { Chosen } from '../../replay/compare/compare.ts';
import { UsageError } from '../../trace/errors.ts';

const UNITS: Readonly<Record<string, number>> = { '': 0, K: 1, M: 2, G: 3 };

/** `16384`, `16K`, `32M`: bytes in powers of 1024. */
function bytesOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  return digits === '' ? Number.NaN : Number(digits) * 1024 ** (UNITS[unit.toUpperCase()] ?? 0);
}

/** What a switch takes, in words. */
export function valuesOf(row: SwitchRow): string {
  if (row.type === 'boolean') return 'true or false';
  if (row.type === 'choice') return row.values.join(', ');
  const range = `${row.least} to ${row.most}`;
  if (row.type === 'number') return range;
  return `${'power' in row ? 'a power of two, ' : ''}bytes from ${range} (K, M, G)`;
}

function schemaOf(row: SwitchRow): z.ZodType<number | boolean | string> {
  const message = `is not ${valuesOf(row)}`;
  switch (row.type) {
    case 'boolean':
      return z.enum(['true', 'false'], message).transform((text) => text === 'true');
    case 'choice':
      return z.enum(row.values as [string, ...string[]], message);
    case 'number':
      return z
        .string()
        .regex(/^\d{1,12}(\.\d{1,9})?$/, message)
        .transform(Number)
        .refine((value) => value >= row.least && value <= row.most, message);
    case 'bytes':
      return z
        .string()
        .transform(bytesOf)
        .refine((bytes) => bytes >= row.least && bytes <= row.most, message)
        .refine((bytes) => row.power !== true || Math.log2(bytes) % 1 === 0, message);
  }
}

type Setting = { readonly target: string | undefined; readonly name: SwitchName; value: unknown };

// btrfs.gate=0   1:btrfs.gate=32M   btrfs-gate:btrfs.kupdate-skip=false
const SETTING = /^(?:([a-z0-9-]+):)?([a-z0-9.-]+)=(.*)$/;

function parseSetting(text: string): Setting {
  const [, target, name = '', value = ''] = SETTING.exec(text) ?? [];
  if (name === '') throw new UsageError(`--set ${text} is not NAME=VALUE`);
  const known = SWITCH_NAMES.find((one) => one === name);
  if (known === undefined) {
    throw new UsageError(`--set: there is no "${name}"; there are ${SWITCH_NAMES.join(', ')}`);
  }
  const result = schemaOf(switchRow(known)).safeParse(value);
  if (result.success) return { target, name: known, value: result.data };
  throw new UsageError(`--set ${name}: "${value}" ${result.error.issues[0]?.message}`);
}

/** `asked`: where the name was given, for the error. */
export function findSystem(id: string, asked = '--system'): System {
  const system = systemOf(id);
  if (system !== undefined) return system;
  const all = SYSTEMS.map((one) => one.id).join(', ');
  throw new UsageError(`${asked}: there is no "${id}"; there are ${all}`);
}

/**
 * Settings go to every system that listens to them, or to the one that they name: `1:` and `2:` in
 * the order of --system, or the system's id. One that nobody listens to is a wrong request.
 */
export function chooseSystems(
  systems: readonly [System, System],
  texts: readonly string[],
): readonly [Chosen, Chosen] {
  const settings = texts.map(parseSetting);
  const isFor = (system: System, at: number, { target }: Setting) =>
    target === undefined || target === String(at + 1) || target === system.id;
  for (const setting of settings) {
    const heard = systems.some(
      (system, at) => isFor(system, at, setting) && system.listens.includes(setting.name),
    );
    if (!heard) throw new UsageError(unheard(systems, setting));
  }
  return systems.map((system, at) => ({
    system,
    set: Object.fromEntries(
      settings.filter((one) => isFor(system, at, one)).map(({ name, value }) => [name, value]),
    ) as SwitchValues,
  })) as unknown as readonly [Chosen, Chosen];
}

function unheard(systems: readonly System[], { target, name }: Setting): string {
  const ids = systems.map(({ id }) => id);
  if (target !== undefined && !['1', '2', ...ids].includes(target)) {
    return `--set ${target}:${name}: "${target}" is neither 1 or 2 nor one of ${ids.join(', ')}`;
  }
  const listens = systems.map(({ id, listens }) => `${id} has ${listens.join(', ')}`);
  const all = [...new Set(listens)].join('; ');
  return `--set ${name}: no such switch of the systems it is for; ${all}`;
}
