import { expect, test } from 'vitest';
import { TaskCodes } from '../../src/replay/task-codes.ts';

test('a task has one code in all columns, whatever stands for its pid', () => {
  const codes = new TaskCodes();
  const first = codes.of(Int32Array.of(7, 4_194_303, 7, -1, 0));
  expect([...first]).toEqual([0, 1, 0, 2, 3]);
  const second = codes.of(Float64Array.of(0, 2 ** 22, 7, 0.5, Number.NaN, -1, Number.NaN, 2 ** 22));
  expect([...second]).toEqual([3, 4, 0, 5, 6, 2, 6, 4]);
  expect(codes.count).toBe(7);
});

test('codes of a column are made once', () => {
  const codes = new TaskCodes();
  const pids = Int32Array.of(1, 2);
  expect(codes.of(pids)).toBe(codes.of(pids));
});

test('tasks are marked by their codes, also those that no column has', () => {
  const codes = new TaskCodes();
  codes.of(Int32Array.of(7, 9, 8));
  expect([...codes.marks([8, 5, 8])]).toEqual([0, 0, 1, 1]);
});
