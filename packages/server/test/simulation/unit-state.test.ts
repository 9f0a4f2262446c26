import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import type { UnitState } from '@lunbox/scsi';
import { StorageObject, type ProcessTable, type StorageObjectSeams } from '@lunbox/storage-object';
import { describe, expect, it } from 'vitest';
import { objectUnit } from '../../src/object-unit.ts';

const PATH = '/disk.lun';
const SEEDS = 8;

/** A process that ends with the power: the next one is another. */
function processes(pid: number): ProcessTable {
  const bootId = '11111111-1111-1111-1111-111111111111';
  const identity = { host: 'alpha', bootId, pidNamespace: 1, pid, startTime: '7' };
  return { self: () => Promise.resolve(identity), isRunning: () => Promise.resolve(false) };
}

/** Registrations of so many initiator ports: from a few bytes to more than a sector, and back. */
function reservations(count: number): Required<UnitState>['reservations'] {
  const registrations = Array.from({ length: count }, (_, at) => ({
    initiatorPort: `iqn.2026-11.com.example:${'x'.repeat(60)}-${at},i,0x8000000000`,
    relativePort: 1,
    key: (at + 1).toString(16).padStart(16, '0'),
  }));
  return { aptpl: true, registrations };
}

const CHANGES: readonly UnitState[] = [
  { reservations: reservations(1) },
  { modePages: { '08/00': `0812${'00'.repeat(18)}` } },
  { reservations: reservations(256) },
  { identifyingInformation: { '00': 'ab'.repeat(512) } },
  { reservations: reservations(2) },
  { reservations: { aptpl: false, registrations: [] }, modePages: {} },
];

/** What the unit was answered, and what it asked for last: a loss of power leaves one or the other. */
interface Promised {
  kept: UnitState;
  asked: UnitState;
}

async function live(seams: StorageObjectSeams, promised: Promised): Promise<void> {
  const object = await StorageObject.open(PATH, seams);
  const { stateStore } = objectUnit(object, object.device);
  for (const change of CHANGES) {
    promised.asked = { ...promised.kept, ...change };
    await stateStore?.save?.(change);
    promised.kept = promised.asked;
  }
}

async function newDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const random = new SeededRandom(1);
  const object = await StorageObject.create(PATH, {
    disk,
    random,
    processes: processes(1),
    sizeBytes: 2 ** 20,
  });
  await object.close();
  return disk;
}

const present = (state: object): unknown => JSON.parse(JSON.stringify(state));

describe('the state of a unit whose power goes', () => {
  it('is the one that was answered last, or the one under way, whole', async () => {
    const complete = await newDisk();
    await live({ disk: complete, processes: processes(2) }, { kept: {}, asked: {} });
    const before = (await newDisk()).faults.changes;
    const changes = complete.faults.changes - before;
    expect(changes).toBeGreaterThanOrEqual(2 * CHANGES.length);
    for (let stopAt = 0; stopAt <= changes; stopAt += 1) {
      for (let seed = 0; seed < SEEDS; seed += 1) {
        const disk = await newDisk();
        const promised: Promised = { kept: {}, asked: {} };
        disk.faults.haltAfter(stopAt);
        await live({ disk, processes: processes(2) }, promised).catch(() => undefined);
        disk.crash(seed * 1000 + stopAt);
        const object = await StorageObject.open(PATH, { disk, processes: processes(3) });
        const found = present(objectUnit(object, object.device).stateStore?.load() ?? {});
        const wanted = [present(promised.kept), present(promised.asked)];
        expect(wanted, `seed ${seed}, power gone after change ${stopAt}`).toContainEqual(found);
        await object.close();
      }
    }
  });

  it('that cannot be saved is told as what it is: no room, or a failing medium', async () => {
    const disk = await newDisk();
    const object = await StorageObject.open(PATH, { disk, processes: processes(2) });
    const { stateStore } = objectUnit(object, object.device);
    const save = async (): Promise<void> => stateStore?.save?.({ reservations: reservations(1) });
    disk.faults.fail('write', 1, 'ENOSPC');
    await expect(save()).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
    disk.faults.fail('write', 1, 'EDQUOT');
    await expect(save()).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
    disk.faults.fail('write', 1, 'EIO');
    await expect(save()).rejects.toMatchObject({ code: 'BLOCK_IO' });
    await object.updateAttributes({ description: 'x'.repeat(126_800) });
    await expect(save()).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
    expect(stateStore?.load().reservations).toBeUndefined();
    await object.updateAttributes({ description: '' });
    await save();
    expect(stateStore?.load().reservations).toEqual(reservations(1));
    await object.close();
  });
});
