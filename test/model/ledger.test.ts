/** Pages are conserved, whatever happens to them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/model/ledger.ts';
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
});

describe('the ledger', () => {
  test('conserves pages for every domain and in total', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const ledger = new Ledger();
        for (const each of operations) ledger.apply(each);
        for (const wb of [undefined, 0, 1, 2, 3, 4]) {
          const b = ledger.balances(wb);
          expect(b.dirtied + b.unseen).toBe(
            b.dirty + b.claimed + b.writeback + b.written + b.cancelled,
          );
        }
        for (const name of ACCOUNTS) {
          const parts = [0, 1, 2, 3, 4].map((wb) => ledger.of(wb, name));
          expect(parts.reduce((sum, part) => sum + part, 0)).toBe(ledger.total(name));
          const classes = PAGE_CLASSES.map((each) => ledger.of(1, name, each));
          expect(classes.reduce((sum, part) => sum + part, 0)).toBe(ledger.of(1, name));
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
      ledger.post(kind, 2, 8);
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
    ledger.post('find-dirty', 0, 100);
    ledger.transfer(0, 3, 'dirty', 30);
    expect([ledger.of(0, 'dirty'), ledger.of(3, 'dirty'), ledger.of(3, 'unseen')]).toEqual([
      70, 30, 30,
    ]);
    expect(ledger.total('unseen')).toBe(100);
  });

  test('lets an account run below zero and says so', () => {
    const ledger = new Ledger();
    ledger.post('end-writeback', 1, 5);
    expect(ledger.of(1, 'writeback')).toBe(-5);
  });

  test('refuses parts of pages', () => {
    expect(() => new Ledger().post('dirty', 0, 1.5)).toThrow('whole pages');
  });
});
