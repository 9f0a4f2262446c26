import { DISK_CALLS, SeededRandom, SimulatedDisk, type DiskFile, type OpenMode } from '@lunbox/block';
import { expect, it } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { Machine, playGroupHistories, type GroupFlaw } from '../support/group-history.ts';

const HISTORIES = 25;

it('all snapshots of a group are there or none, whenever the power goes', async () => {
  const { seen } = await playGroupHistories('group-crashes', rangeOf(HISTORIES));
  for (const what of ['groups', 'groups not taken', 'groups between writes', 'taken', 'deleted', 'restored'])
    expect(seen[what], what).toBeGreaterThan(0);
}, 1_200_000);

it('all snapshots of a group are there or none, whatever call of the disk has failed', async () => {
  const { seen } = await playGroupHistories('group-failures', rangeOf(HISTORIES));
  expect(seen['failures']).toBeGreaterThan(0);
}, 1_200_000);

/** Some disks with a snapshot already, and something written since. */
async function machineOf(count: number, flaw: GroupFlaw = {}): Promise<Machine> {
  const machine = new Machine(count, new SeededRandom(count), flaw);
  await machine.make();
  await machine.open();
  for (const [index, set] of machine.sets.entries()) {
    // The model does not know which snapshots go when there is no room.
    await set.setPolicy({ whenFull: 'refuse' });
    if (index === 1) continue;
    await set.create({ name: 'earlier' });
    machine.models[index]!.taken('earlier');
  }
  return machine;
}

/** Takes a group while its disks are written. Answers whether that came to an end. */
async function takeOne(machine: Machine): Promise<boolean> {
  const all = machine.models.map((_, index) => index);
  return await machine.group('all', all, machine.randomWrites(all, 8)).then(
    () => true,
    () => false,
  );
}

/** The power goes at every change while a group is taken. Answers how often, and how often that went wrong. */
async function crashEverywhere(
  count: number,
  flaw?: GroupFlaw,
): Promise<{ crashes: number; wrong: unknown[] }> {
  const wrong: unknown[] = [];
  let crashes = 0;
  let isDone = false;
  for (let changes = 1; !isDone; changes++)
    for (const seed of [1, 2]) {
      const machine = await machineOf(count, flaw);
      machine.disk.faults.haltAfter(changes);
      isDone = (await takeOne(machine)) && !machine.disk.faults.halted;
      await machine.crash(changes * 8 + seed);
      await machine.open().catch((error: unknown) => wrong.push((error as Error).message));
      await machine.crash(seed);
      crashes++;
    }
  return { crashes, wrong };
}

it.each([2, 3])('%i disks: a crash at every change leaves all of the group or none', async (count) => {
  const { crashes, wrong } = await crashEverywhere(count);
  expect(wrong).toEqual([]);
  expect(crashes).toBeGreaterThan(40);
});

it('all of the group or none is there when a call fails', async () => {
  let failures = 0;
  for (const call of DISK_CALLS)
    for (const errno of ['EIO', 'ENOSPC'])
      for (let nth = 1; ; nth++) {
        const machine = await machineOf(2);
        machine.disk.faults.fail(call, nth, errno);
        await takeOne(machine);
        const hasFailed = machine.disk.faults.failed > 0;
        await machine.crash(nth);
        await machine.open();
        await machine.crash(nth);
        if (!hasFailed) break;
        failures++;
      }
  expect(failures).toBeGreaterThan(60);
});

const TORN = /in some of the disks only|of one instant/;

/** A disk that does not sync the lists of snapshots in one step of taking a group. */
function unsyncedIn(step: string): () => SimulatedDisk {
  class UnsyncedDisk extends SimulatedDisk {
    override async open(path: string, mode: OpenMode): Promise<DiskFile> {
      const file = await super.open(path, mode);
      const sync = file.sync.bind(file);
      file.sync = () => (new Error().stack?.includes(step) ? Promise.resolve() : sync());
      return file;
    }
  }
  return () => new UnsyncedDisk({ clones: true });
}

it('is told from snapshots that are taken one by one', async () => {
  const take: GroupFlaw['take'] = async (sets, name) => {
    await Promise.all(sets.map((set) => set.create({ name })));
  };
  const { wrong } = await crashEverywhere(2, { take });
  expect(wrong).toContainEqual(expect.stringMatching(TORN));
});

it.each(['prepare', 'decide'])('is told from a group whose lists are not durable after: %s', async (step) => {
  const { wrong } = await crashEverywhere(3, { disk: unsyncedIn(`Member.${step}`) });
  expect(wrong).toContainEqual(expect.stringMatching(TORN));
});
