/** Pages are conserved, whatever happens to them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Balances, Ledger, UNKNOWN_HOLDER } from '../../src/model/ledger.ts';
import {
  ACCOUNTS,
  OPERATIONS,
  type Operation,
  type OperationKind,
  PAGE_CLASSES,
} from '../../src/model/operations.ts';
import { nodeCounter, wbCounter } from '../../src/model/view.ts';

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom(...(Object.keys(OPERATIONS) as OperationKind[])),
  wb: fc.nat(4),
  pages: fc.nat(1 << 20),
  pageClass: fc.constantFrom(...PAGE_CLASSES),
  wb_cgroup: fc.nat(2),
  memcg: fc.nat(2),
  node: fc.nat(2),
});
const AXES = ['wb', 'pageClass', 'wb_cgroup', 'memcg', 'node'] as const;

function expectBalanced(b: Balances): void {
  expect(b.dirtied + b.unseen).toBe(b.dirty + b.claimed + b.writeback + b.written + b.cancelled);
}

describe('the ledger', () => {
  test('conserves pages for every holder, along every axis and in total', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const ledger = new Ledger();
        for (const each of operations) ledger.apply(each);
        expectBalanced(ledger.balances());
        for (const axis of AXES) {
          const parts = [...ledger.along(axis)];
          for (const [value, balances] of parts) {
            expectBalanced(balances);
            expect(balances).toEqual(ledger.balances({ [axis]: value }));
          }
          for (const name of ACCOUNTS) {
            const sum = parts.reduce((pages, [, balances]) => pages + balances[name], 0);
            expect(sum).toBe(ledger.total(name));
          }
          for (const [value, { dirty, writeback }] of ledger.levels(axis)) {
            expect(ledger.balances({ [axis]: value })).toMatchObject({ dirty, writeback });
          }
        }
      }),
    );
  });

  test('shows a page on its way through the counters', () => {
    const ledger = new Ledger();
    const counters = () => [
      nodeCounter(ledger, 'nr_dirty'),
      nodeCounter(ledger, 'nr_writeback'),
      nodeCounter(ledger, 'nr_dirtied'),
      wbCounter(ledger, 2, 'WB_WRITTEN'),
    ];
    const steps = (
      ['dirty', 'claim', 'redirty', 'claim', 'start-writeback', 'end-writeback'] as const
    ).map((kind) => {
      ledger.apply({ kind, wb: 2, pages: 8 });
      return counters();
    });
    expect(steps).toEqual([
      [8, 0, 8, 0],
      [0, 0, 8, 0],
      // Given back: dirty again, but dirtied once.
      [8, 0, 8, 0],
      [0, 0, 8, 0],
      [0, 8, 8, 0],
      [0, 0, 8, 8],
    ]);
  });

  test('moves pages of unknown owner to the one that is recognised', () => {
    const ledger = new Ledger();
    const found = ledger.holder({ wb: 3, memcg: 7 });
    ledger.post('find-dirty', UNKNOWN_HOLDER, 100);
    ledger.transfer(UNKNOWN_HOLDER, found, 'dirty', 30);
    expect(ledger.at(UNKNOWN_HOLDER, 'dirty')).toBe(70);
    expect(ledger.balances({ memcg: 7 })).toMatchObject({ dirty: 30, unseen: 30 });
    expect(ledger.total('unseen')).toBe(100);
  });

  test('lets an account run below zero and says so', () => {
    const ledger = new Ledger();
    ledger.apply({ kind: 'end-writeback', wb: 1, pages: 5 });
    expect(ledger.sum('writeback', { wb: 1 })).toBe(-5);
  });

  test('refuses parts of pages', () => {
    expect(() => new Ledger().post('dirty', 0, 1.5)).toThrow('whole pages');
  });

  test('keeps the same numbers for the same holders, and room for many', () => {
    const ledger = new Ledger();
    const numbers = Array.from({ length: 100 }, (_, memcg) => ledger.holder({ wb: 1, memcg }));
    expect(new Set(numbers).size).toBe(100);
    expect(ledger.holder({ wb: 1, memcg: 42 })).toBe(numbers[42]);
    for (const holder of numbers) ledger.post('dirty', holder, 1);
    expect(wbCounter(ledger, 1, 'WB_RECLAIMABLE')).toBe(100);
    expect(nodeCounter(ledger, 'nr_dirty', { memcg: 42 })).toBe(1);
    expect(() => ledger.post('dirty', 1000, 1)).toThrow('named');
  });
});
