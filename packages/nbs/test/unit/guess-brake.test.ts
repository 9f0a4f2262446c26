import { expect, it } from 'vitest';
import { GuessBrake } from '../../src/server/guess-brake.ts';

const LIMITS = { authFailures: 2, lockOutMs: 100, lockOutMaxMs: 1000, maxOffenders: 10 };

it('waits longer after each wrong proof, up to a time, after which all is forgotten', () => {
  const brake = new GuessBrake(LIMITS);
  const waits: number[] = [];
  for (let failure = 0; failure < 7; failure++) {
    brake.failed('a', 'n', 0);
    waits.push(brake.waitMs('a', 'n', 0));
  }
  expect(waits).toEqual([0, 100, 200, 400, 800, 1000, 1000]);
  expect([brake.waitMs('a', 'n', 400), brake.waitMs('a', 'n', 1000)]).toEqual([600, 0]);
  brake.failed('a', 'n', 1000);
  expect(brake.waitMs('a', 'n', 1000)).toBe(0);
});

it('lets other names and addresses in, and forgets what a name did when it has proven itself', () => {
  const brake = new GuessBrake(LIMITS);
  brake.failed('a', 'n', 0);
  brake.succeeded('a', 'n');
  for (const address of ['a', 'b']) brake.failed(address, 'n', 0);
  expect([brake.waitMs('a', 'n', 0), brake.waitMs('b', 'n', 0), brake.waitMs('a', 'm', 0)]).toEqual([
    0, 0, 0,
  ]);
});

it('remembers so many and no more, the oldest not', () => {
  const brake = new GuessBrake(LIMITS);
  for (let failure = 0; failure < 2; failure++) brake.failed('a', 'n', 0);
  for (let index = 0; index < 100; index++) brake.failed(`b${index}`, 'n', 0);
  expect(brake.waitMs('a', 'n', 0)).toBe(0);
});
