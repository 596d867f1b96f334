/** What follows the rows of one table. */
import type { Table } from '../../trace/table.ts';

export type Follower = {
  readonly table: Table;
  visit(row: number): void;
};
