import { DISK_CALLS, SimulatedDisk } from '@lunbox/block';
import { checkContainer, StorageObject, type StorageObjectSeams } from '@lunbox/storage-object';
import { describe, expect, it } from 'vitest';
import {
  cutOffEverywhere,
  withoutFileSync,
  withoutNameSync,
  worldsOf,
  type LifeHistory,
} from '../../../storage-object/test/support/life-histories.ts';
import { deleteDisk, renameDisk, SnapshotObject } from '../../src/index.ts';

const OLD = '/disk.lun';
const NEW = '/other.lun';
const SIZE = 1 << 18;
const GRAIN = 1 << 16;
const SNAPSHOTS = ['one', 'two'];
/** For each change at which the power goes. */
const SEEDS = 6;
const TIMES = 24;

/** A disk with snapshots, of which each has other content. */
async function prepare(seams: StorageObjectSeams): Promise<void> {
  await (await StorageObject.create(OLD, { ...seams, sizeBytes: SIZE })).close();
  const opened = await SnapshotObject.open(OLD, seams);
  for (const [index, name] of SNAPSHOTS.entries()) {
    await opened.device.write([Buffer.alloc(GRAIN, index + 1)], 0);
    await opened.set.create({ name });
  }
  await opened.device.write([Buffer.alloc(GRAIN, 9)], 0);
  await opened.close();
}

/** Opens the disk for writing: what it has, and what each snapshot has. */
async function compare(path: string, seams: StorageObjectSeams): Promise<void> {
  const opened = await SnapshotObject.open(path, seams);
  const found = Buffer.alloc(GRAIN);
  await opened.device.read([found], 0);
  expect(found.equals(Buffer.alloc(GRAIN, 9)), 'the disk').toBe(true);
  expect(opened.set.list().map(({ name }) => name)).toEqual(SNAPSHOTS);
  for (const [index, name] of SNAPSHOTS.entries()) {
    const view = opened.set.openView(name);
    await view.read([found], 0);
    await view.close();
    expect(found.equals(Buffer.alloc(GRAIN, index + 1)), name).toBe(true);
  }
  await opened.close();
}

const namesOf = async ({ disk }: StorageObjectSeams): Promise<string[]> =>
  (await disk!.readdir('/')).filter((name) => /\.lun(\.snaps)?$/.test(name));

const HISTORIES: Readonly<Record<string, LifeHistory>> = {
  rename: {
    seeds: SEEDS,
    prepare,
    act: (seams) => renameDisk(OLD, NEW, seams),
    async check(seams) {
      const names = await namesOf(seams);
      expect(names.filter((name) => name.endsWith('.snaps'))).toHaveLength(1);
      if (names.includes('disk.lun')) await renameDisk(OLD, NEW, seams);
      expect(await namesOf(seams)).toEqual(['other.lun', 'other.lun.snaps']);
      await compare(NEW, seams);
    },
  },
  delete: {
    seeds: SEEDS,
    prepare,
    act: (seams) => deleteDisk(OLD, { ...seams, withSnapshots: true }),
    async check(seams) {
      const names = await namesOf(seams);
      if (!names.includes('disk.lun')) return expect(names, 'snapshots without a disk').toEqual([]);
      const { findings } = await checkContainer(OLD, seams);
      const codes = findings.map(({ code }) => code);
      const isGoing = codes.includes('DELETION_UNFINISHED');
      if (isGoing)
        await expect(SnapshotObject.open(OLD, seams)).rejects.toMatchObject({ code: 'CONTAINER_DELETING' });
      else await compare(OLD, seams);
      // The header that was to say so may be torn; its twin does not know of it.
      const force = codes.includes('HEADER_DAMAGED');
      await deleteDisk(OLD, { ...seams, force, withSnapshots: !isGoing });
      expect(await namesOf(seams)).toEqual([]);
    },
  },
};

describe.each(Object.entries(HISTORIES))('%s of a disk with snapshots', (_name, history) => {
  it('leaves the old state or the new one, at whatever change the power goes', async () => {
    expect(await cutOffEverywhere(history)).toBeGreaterThan(5);
  }, 120_000);

  it('loses nothing when any one call fails', async () => {
    for (const call of DISK_CALLS)
      for (let nth = 1; nth <= TIMES; nth++) {
        const disk = new SimulatedDisk();
        const [before, after] = worldsOf(disk, nth);
        await history.prepare(before);
        disk.faults.fail(call, nth, 'EIO');
        await history.act(before).catch(() => undefined);
        const { failed } = disk.faults;
        if (failed === 0) break;
        disk.faults.clear();
        await history.check(after).catch((cause: unknown) => {
          throw new Error(`${call} ${nth}`, { cause });
        });
      }
  }, 120_000);
});

describe('a variant that is broken is caught:', () => {
  it('rename without a sync of names', async () => {
    await expect(cutOffEverywhere(HISTORIES['rename']!, withoutNameSync)).rejects.toThrow(/power gone/);
  }, 120_000);

  it.each([
    ['a sync', withoutFileSync],
    ['a sync of names', withoutNameSync],
  ] as const)(
    'delete without %s',
    async (_what, variant) => {
      await expect(cutOffEverywhere(HISTORIES['delete']!, variant)).rejects.toThrow(/power gone/);
    },
    120_000,
  );
});
