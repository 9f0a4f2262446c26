import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { expect, it } from 'vitest';
import { isSchedule, lastRunMs, nextRunMs, scheduledName } from '../../src/index.ts';
import { makeDisk, openSet } from '../support/model.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);
const next = (schedule: Parameters<typeof nextRunMs>[0], last: string, now: string): string =>
  new Date(nextRunMs(schedule, at(last), at(now))).toISOString();

it('runs at the beginning of each piece of time', () => {
  const hourly = { everyMs: HOUR };
  expect(next(hourly, '2026-11-23T07:00:01Z', '2026-11-23T07:30:00Z')).toBe('2026-11-23T08:00:00.000Z');
  const daily = { everyMs: 24 * HOUR, offsetMs: 7 * HOUR };
  expect(next(daily, '2026-11-23T06:59:59Z', '2026-11-23T06:59:59Z')).toBe('2026-11-23T07:00:00.000Z');
  expect(next(daily, '2026-11-23T07:00:00Z', '2026-11-23T07:00:00Z')).toBe('2026-11-24T07:00:00.000Z');
  const weekly = { everyMs: 7 * 24 * HOUR };
  expect(next(weekly, '2026-11-18T00:00:00Z', '2026-11-18T00:00:00Z')).toBe('2026-11-23T00:00:00.000Z');
  expect(scheduledName(hourly, at('2026-11-23T07:59:59Z'))).toBe('auto-2026-11-23T07:00:00Z');
});

it('makes up once for all that were missed, and is not misled by a clock that goes backwards', () => {
  const hourly = { everyMs: HOUR };
  expect(nextRunMs(hourly, undefined, 5)).toBe(5);
  expect(next(hourly, '2026-11-20T07:00:00Z', '2026-11-23T07:30:00Z')).toBe('2026-11-23T07:30:00.000Z');
  expect(next(hourly, '2026-11-23T07:30:00Z', '2026-11-23T07:30:00Z')).toBe('2026-11-23T08:00:00.000Z');
  const snapshots = [
    { name: 'auto-1', createdAtMs: 1000 },
    { name: 'auto-2', createdAtMs: 99_000 },
    { name: 'mine', createdAtMs: 3000 },
  ];
  expect([999, 2000, 99_000].map((nowMs) => lastRunMs(snapshots, nowMs))).toEqual([undefined, 1000, 99_000]);
});

it('tells a schedule from what is none', () => {
  expect(isSchedule({ everyMs: 1000, keep: { last: 3 }, level: 'crash', labels: { a: 'b' } })).toBe(true);
  for (const bad of [
    null,
    1,
    {},
    { everyMs: 999 },
    { everyMs: 1000, offsetMs: 1000 },
    { everyMs: 1000, keep: { first: 1 } },
    { everyMs: 1000, keep: { last: -1 } },
    { everyMs: 1000, level: 'none' },
    { everyMs: 1000, labels: { a: 1 } },
  ])
    expect(isSchedule(bad), JSON.stringify(bad)).toBe(false);
});

it('stays with the disk until it is removed', async () => {
  const [disk, random] = [new SimulatedDisk(), new SeededRandom(1)];
  await makeDisk(disk);
  const schedule = { everyMs: HOUR, keep: { hourly: 24 }, labels: { job: 'x' } };
  let set = await openSet(disk, random);
  await set.setSchedule(schedule);
  expect((await set.create({ name: 'a' })).name).toBe('a');
  await set.close();
  disk.crash(1);
  set = await openSet(disk, random);
  expect(set.schedule).toEqual(schedule);
  await set.setSchedule(undefined);
  await set.close();
  expect((await openSet(disk, random)).schedule).toBeUndefined();
});
