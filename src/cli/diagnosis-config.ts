/** tidemark.config.json: causes switched off, and thresholds of causes. */
import * as z from 'zod';
import { CAUSES } from '../findings/causes/index.ts';
import type { DiagnoseOptions } from '../findings/diagnose.ts';
import { SETTINGS, type SettingName, type Settings } from '../findings/settings.ts';
import { UsageError } from '../trace/errors.ts';
import { readIfThere, readText } from './files.ts';

const CONFIG_NAME = 'tidemark.config.json';

const SWITCHES = ['on', 'off'] as const;

const schema = z.strictObject({
  $schema: z.string().optional(),
  rules: z.record(z.string(), z.enum(SWITCHES, 'is neither on nor off')).default({}),
  thresholds: z
    .record(z.string(), z.number('is not a number').nonnegative('is below 0'))
    .default({}),
});

/** The file that was named, else the one in the current folder, else nothing set. */
export function readDiagnosisConfig(named: string | undefined): DiagnoseOptions {
  const text = named === undefined ? readIfThere(CONFIG_NAME) : readText(named);
  if (text === undefined) return {};
  const file = named ?? CONFIG_NAME;
  const result = schema.safeParse(parse(text, file));
  if (!result.success) {
    const [issue] = result.error.issues;
    if (issue?.code === 'unrecognized_keys') {
      const keys = ['rules', 'thresholds'];
      throw new UsageError(`${file} has no "${issue.keys[0]}"; there are ${keys.join(', ')}`);
    }
    const where = issue?.path.join('.') ?? '';
    throw new UsageError(`${file}: ${where === '' ? '' : `${where} `}${issue?.message}`);
  }
  const { rules, thresholds } = result.data;
  const ids = CAUSES.map(({ id }) => id);
  const names = Object.keys(SETTINGS);
  const unknownRule = Object.keys(rules).find((id) => !ids.includes(id));
  if (unknownRule !== undefined) throw notThere(file, 'rules', unknownRule, ids);
  const unknownName = Object.keys(thresholds).find((name) => !names.includes(name));
  if (unknownName !== undefined) throw notThere(file, 'thresholds', unknownName, names);
  return {
    off: ids.filter((id) => rules[id] === 'off'),
    settings: thresholds as Partial<Record<SettingName, number>> as Partial<Settings>,
  };
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function notThere(file: string, key: string, name: string, all: readonly string[]): UsageError {
  return new UsageError(`${file}: ${key} has no "${name}"; there are ${all.join(', ')}`);
}
