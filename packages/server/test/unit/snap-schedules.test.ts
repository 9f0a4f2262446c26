import { SimulatedClock } from '@lunbox/block';
import type { SnapshotSchedule, SnapshotSet } from '@lunbox/snapshot';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { ServerError } from '../../src/index.ts';
import { SnapshotSchedules } from '../../src/cli/snap-schedules.ts';
import type { SnapDesk } from '../../src/cli/snap-desk.ts';
import { captureOutput } from '../support/captured-output.ts';

const MINUTE_MS = 60_000;

/** A disk with a schedule, whose snapshots are taken when the test says so. */
function makeDesk(schedule: SnapshotSchedule, clock: SimulatedClock) {
  const taken: { id: string; name: string; createdAtMs: number; labels: object; holds: string[] }[] = [];
  const create = vi.fn<(options: { name: string }) => Promise<void>>();
  create.mockImplementation(async ({ name }) => {
    taken.push({ id: name, name, createdAtMs: clock.unixMs(), labels: {}, holds: [] });
  });
  const set = { schedule, list: () => taken, create } as unknown as SnapshotSet;
  const deleted: string[] = [];
  const desk: SnapDesk = {
    disk: '/disk.lun',
    set,
    lunOf: () => undefined,
    delete: async (id) => {
      deleted.push(id);
      taken.splice(
        taken.findIndex((each) => each.id === id),
        1,
      );
    },
  };
  return { desk, taken, create, deleted };
}

/** Lets time pass, and what is begun meanwhile end. */
async function pass(clock: SimulatedClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    clock.advance(Math.min(left, 500));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it('takes a snapshot for each piece of time, once for all that were missed, and keeps those of the grid', async () => {
  const clock = new SimulatedClock();
  const { desk, taken, create, deleted } = makeDesk({ everyMs: MINUTE_MS, keep: { last: 2 } }, clock);
  const old = {
    id: 'o',
    name: 'auto-old',
    createdAtMs: clock.unixMs() - 99 * MINUTE_MS,
    labels: {},
    holds: [],
  };
  taken.push(old);
  const onFailure = vi.fn();
  const desks = (): { lun: number; desk: SnapDesk }[] => [{ lun: 0, desk }];
  const schedules = new SnapshotSchedules({ desks, clock, random: () => 0, onFailure });
  await pass(clock, 1000);
  expect(create).toHaveBeenCalledTimes(1);
  await pass(clock, 3 * MINUTE_MS);
  expect(create).toHaveBeenCalledTimes(4);
  expect(taken).toHaveLength(2);
  expect(deleted[0]).toBe('o');
  expect(taken.every(({ name }) => /^auto-\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/.test(name))).toBe(true);
  expect(onFailure).not.toHaveBeenCalled();
  await schedules.close();
  await pass(clock, 5 * MINUTE_MS);
  expect(create).toHaveBeenCalledTimes(4);
});

it('goes on when the clock went backwards', async () => {
  const clock = new SimulatedClock();
  const { desk, taken, create } = makeDesk({ everyMs: MINUTE_MS }, clock);
  const later = clock.unixMs() + 999 * MINUTE_MS;
  taken.push({ id: 'l', name: 'auto-later', createdAtMs: later, labels: {}, holds: [] });
  const desks = (): { lun: number; desk: SnapDesk }[] => [{ lun: 0, desk }];
  const schedules = new SnapshotSchedules({ desks, clock, random: () => 0, onFailure: vi.fn() });
  await pass(clock, 3 * MINUTE_MS);
  expect(create.mock.calls.length).toBeGreaterThanOrEqual(3);
  await schedules.close();
});

it('tells of a run that fails, and tries again later and later', async () => {
  const clock = new SimulatedClock();
  const { desk, create } = makeDesk({ everyMs: 60 * MINUTE_MS }, clock);
  const retries: number[] = [];
  const onFailure = (_desk: unknown, error: unknown, retryMs: number): void => {
    expect((error as Error).message).toBe('no room');
    retries.push(retryMs);
  };
  create.mockRejectedValueOnce(new Error('no room')).mockRejectedValueOnce(new Error('no room'));
  const schedules = new SnapshotSchedules({
    desks: () => [{ lun: 0, desk }],
    clock,
    random: () => 0.9,
    onFailure,
  });
  await pass(clock, 20_000);
  expect(retries).toEqual([1000, 2000]);
  expect(create).toHaveBeenCalledTimes(3);
  await schedules.close();
});

it('begins no run of a disk while another one goes on, and waits for it at the end', async () => {
  const clock = new SimulatedClock();
  const { desk, create } = makeDesk({ everyMs: 1000 }, clock);
  let finish = (): void => undefined;
  create.mockImplementation(() => new Promise((resolve) => (finish = resolve)));
  const schedules = new SnapshotSchedules({
    desks: () => [{ lun: 0, desk }],
    clock,
    random: () => 0,
    onFailure: vi.fn(),
  });
  await pass(clock, 10_000);
  expect(create).toHaveBeenCalledTimes(1);
  const closed = vi.fn();
  const closing = schedules.close().then(closed);
  await pass(clock, 1000);
  expect(closed).not.toHaveBeenCalled();
  finish();
  await closing;
});

it('is said, told and removed on the command line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lunbox-schedule-'));
  const path = join(folder, 'disk.lun');
  const { printed, complained } = captureOutput();
  const schedule = async (...words: string[]): Promise<string> => {
    printed.length = 0;
    expect(await run(['snap', 'schedule', path, ...words]), complained.join('')).toBe(0);
    return printed.join('');
  };
  try {
    expect(await run(['create', path, '--size', '1M', '--quiet'])).toBe(0);
    expect(await schedule()).toBe(`${path} has no schedule`);
    const daily = ['--every', 'daily', '--at', '07:30', '--keep-daily', '7', '--level', 'filesystem'];
    const told = await schedule(...daily, '--label', 'job=x', '--json');
    const wanted = { everyMs: 86_400_000, offsetMs: 27_000_000, keep: { daily: 7 }, level: 'filesystem' };
    expect(JSON.parse(told)).toMatchObject({ schedule: { ...wanted, labels: { job: 'x' } } });
    expect(await schedule()).toMatch(/a snapshot every 86400 s, the next at .*Z; kept are: daily 7$/);
    expect(JSON.parse(await schedule('--remove', '--json'))).toMatchObject({ schedule: null });
    expect(await run(['snap', 'schedule', path, '--every', '15m', '--at', '07:30'])).not.toBe(0);
    expect(await run(['snap', 'schedule', path, '--keep-last', '3'])).not.toBe(0);
    expect(await run(['snap', 'schedule', path, '--every', 'sometimes'])).toBe(2);
    expect(await schedule()).toContain('has no schedule');
  } finally {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  }
});

it('has what uses the disk suspended, and takes the snapshot all the same when that cannot be', async () => {
  const clock = new SimulatedClock();
  const { desk, create } = makeDesk({ everyMs: MINUTE_MS }, clock);
  const outcomes = [
    () => Promise.resolve(),
    () => Promise.reject(new ServerError('SERVER_QUIESCE_FAILED', 'busy')),
  ];
  const names: (string | undefined)[] = [];
  desk.createQuiesced = async ({ name }) => {
    names.push(name);
    await outcomes.shift()!();
    await desk.set.create({ ...(name === undefined ? {} : { name }) });
    return desk.set.list().at(-1)!;
  };
  const [onFailure, onNotQuiesced] = [vi.fn(), vi.fn()];
  const desks = (): { lun: number; desk: SnapDesk }[] => [{ lun: 0, desk }];
  const schedules = new SnapshotSchedules({ desks, clock, random: () => 0, onFailure, onNotQuiesced });
  await pass(clock, MINUTE_MS);
  expect(names).toHaveLength(2);
  expect(onNotQuiesced).toHaveBeenCalledTimes(1);
  expect(create.mock.calls.map(([options]) => (options as { level?: string }).level)).toEqual([
    undefined,
    'crash',
  ]);
  expect(onFailure).not.toHaveBeenCalled();
  await schedules.close();
});
