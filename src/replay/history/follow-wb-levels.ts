/**
 * WB_RECLAIMABLE + WB_WRITEBACK of each bdi against `wb_dirty`, which balance_dirty_pages read and
 * printed. The replay has not seen these values. What a bdi had dirty before the trace began is
 * taken from its first event. Where several cgroups write, each event is about the part of one.
 */
import { textAt } from '../../trace/column.ts';
import { type Tables, tableWith } from '../../trace/table.ts';
import type { Follower } from './follower.ts';
import { inodeKeys, inodeText } from './inode-key.ts';
import { errorsBetween, type SampleFit } from './sampled-levels.ts';
import { Cursor, type Scene } from './scene.ts';

type Levels = {
  readonly predicted: number[];
  readonly recorded: number[];
};

export class WbLevels {
  readonly #scene: Scene;
  readonly #found = new Map<string, Levels>();

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
    const visit = (row: number) => {
      at.moveTo(row);
      const pages = recorded[row] as number;
      if (!scene.isAnchored || !Number.isInteger(pages)) return;
      const name = textAt(bdi, row);
      const cgroup = cgroupOf && inodeText(cgroupOf(row));
      const code = cgroup === undefined ? undefined : cgroups.indexOf(cgroup);
      const own = this.#of(cgroup === undefined ? name : `${cgroup} on ${name}`);
      own.recorded.push(pages);
      own.predicted.push(this.#level(scene.wbOf(name), code));
    };
    return [{ table, visit }];
  }

  /** `cgroup`: code of the one whose part it is; undefined for all of the bdi. */
  #level(wb: number, cgroup: number | undefined): number {
    const { ledger } = this.#scene.pages;
    const { holders } = ledger;
    let sum = 0;
    ledger.eachLevel((holder, dirty, writeback) => {
      const of = holders[holder];
      const isOf = of?.wb === wb && (cgroup === undefined || of.wb_cgroup === cgroup);
      if (isOf) sum += dirty + writeback;
    });
    return sum;
  }

  #of(bdi: string): Levels {
    let levels = this.#found.get(bdi);
    if (levels === undefined) {
      levels = { predicted: [], recorded: [] };
      this.#found.set(bdi, levels);
    }
    return levels;
  }

  /** Meaningless where events were lost: what is known of single bdis is given up there. */
  fits(starts: number): readonly SampleFit[] {
    if (starts > 1) return [];
    return [...this.#found].flatMap(([bdi, levels]) => fitOf(bdi, levels) ?? []);
  }
}

function fitOf(bdi: string, { predicted, recorded }: Levels): SampleFit | undefined {
  if (recorded.length < 2) return undefined;
  const { error_pages, recorded_pages, ...fit } = errorsBetween(
    recorded.length,
    (at) => predicted[at] as number,
    (at) => recorded[at] as number,
  );
  return {
    against: 'balance_dirty_pages',
    name: bdi,
    counter: 'dirty + writeback',
    ...fit,
    wape: recorded_pages > 0 ? error_pages / recorded_pages : undefined,
  };
}
