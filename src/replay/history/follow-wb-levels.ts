/**
 * WB_RECLAIMABLE + WB_WRITEBACK of each bdi against `wb_dirty`, which balance_dirty_pages read and
 * printed. The replay has not seen these values. What a bdi had dirty before the trace began is
 * taken from its first event. Where several cgroups write, each event is about the part of one.
 */
import { textAt } from '../../trace/column.ts';
import { type Tables, tableWith } from '../../trace/table.ts';
import type { Follower } from './follower.ts';
import { inodeKeys, inodeText } from './inode-key.ts';
import { LevelErrors, type SampleFit } from './sampled-levels.ts';
import { Cursor, type Scene } from './scene.ts';

export class WbLevels {
  readonly #scene: Scene;
  readonly #found = new Map<string, LevelErrors>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  followers(tables: Tables): Follower[] {
    const table = tableWith(tables, 'balance_dirty_pages', ['bdi', 'wb_dirty_pages']);
    if (table === undefined) return [];
    const scene = this.#scene;
    const at = new Cursor(scene, table);
    const bdi = at.text('bdi');
    const recorded = at.number('wb_dirty_pages');
    const { cgroups } = scene.owners;
    // With one cgroup (and the unknown one before it), a bdi has one part.
    const isParted = 'cgroup_ino' in table.columns && cgroups.length > 2;
    const cgroupOf = isParted ? inodeKeys(table, 'cgroup_ino') : undefined;
    // By name of the bdi in the table, once it was met: what all of it has.
    const known: ({ readonly wb: number; readonly errors: LevelErrors } | undefined)[] = [];
    const wholeOf = (name: number) => {
      const text = bdi.dictionary[name] ?? '';
      const found = { wb: scene.wbOf(text), errors: this.#of(text) };
      known[name] = found;
      return found;
    };
    const visit = (row: number) => {
      at.moveTo(row);
      const pages = recorded[row] as number;
      if (!scene.isAnchored || !Number.isInteger(pages)) return;
      const { ledger } = scene.pages;
      if (cgroupOf === undefined) {
        const name = bdi.codes[row] as number;
        const { wb, errors } = known[name] ?? wholeOf(name);
        errors.add(ledger.levelOf(wb), pages);
        return;
      }
      const name = textAt(bdi, row);
      const cgroup = inodeText(cgroupOf(row));
      const level = ledger.levelOf(scene.wbOf(name), cgroups.indexOf(cgroup));
      this.#of(`${cgroup} on ${name}`).add(level, pages);
    };
    return [{ table, visit }];
  }

  #of(bdi: string): LevelErrors {
    let errors = this.#found.get(bdi);
    if (errors === undefined) {
      errors = new LevelErrors();
      this.#found.set(bdi, errors);
    }
    return errors;
  }

  /** Meaningless where events were lost: what is known of single bdis is given up there. */
  fits(starts: number): readonly SampleFit[] {
    if (starts > 1) return [];
    return [...this.#found]
      .filter(([, { steps }]) => steps >= 2)
      .map(([name, { fit }]) => ({
        against: 'balance_dirty_pages',
        name,
        counter: 'dirty + writeback',
        ...fit,
      }));
  }
}
