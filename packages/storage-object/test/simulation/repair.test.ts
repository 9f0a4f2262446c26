import { DISK_CALLS, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import { checkContainer, repairContainer, StorageObject, type StorageObjectSeams } from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { withShortWrite } from '../support/wrapped-disk.ts';

const PATH = '/disk.lun';
const SIZE = 2 ** 20;
const SEEDS = 8;
/** Where one damage goes, and what it is to leave readable. */
const DAMAGES: readonly (readonly [string, readonly number[]])[] = [
  ['the header that is not in force', [65_536]],
  ['the header in force', [196_608]],
  ['the first block', [0]],
  ['the first block and a header', [0, 65_536]],
];

/** A closed container with a name and a written block, damaged at `offsets`. */
async function damaged(seams: StorageObjectSeams, offsets: readonly number[]): Promise<void> {
  const disk = seams.disk as SimulatedDisk;
  const object = await StorageObject.create(PATH, {
    ...seams,
    sizeBytes: SIZE,
    attributes: { name: 'kept' },
  });
  await object.device.write([Buffer.alloc(512, 0xda)], 4096);
  await object.close();
  const file = await disk.open(PATH, 'write');
  for (const offset of offsets) await file.write([Buffer.alloc(2048, 0xee)], offset);
  await file.sync();
  await file.close();
  await disk.syncDirectory('/');
}

describe.each(DAMAGES)('a repair of %s, whose power goes', (_what, offsets) => {
  it('leaves what was readable readable, at whatever change it goes, and can be done again', async () => {
    const count = new SimulatedDisk();
    const processes = new FakeProcesses();
    await damaged({ disk: count, processes }, offsets);
    const before = count.faults.changes;
    await repairContainer(PATH, { disk: count, processes, apply: true });
    const changes = count.faults.changes - before;
    expect(changes).toBeGreaterThan(5);
    for (let stopAt = 0; stopAt <= changes; stopAt++) {
      for (let seed = 0; seed < SEEDS; seed++) {
        const disk = new SimulatedDisk();
        const seams = { disk, random: new SeededRandom(seed), processes: new FakeProcesses({ pid: 1 }) };
        await damaged(seams, offsets);
        disk.faults.haltAfter(disk.faults.changes + stopAt);
        await repairContainer(PATH, { ...seams, apply: true }).catch(() => undefined);
        disk.crash(seed * 1000 + stopAt);
        const where = `seed ${seed}, power gone after change ${stopAt}`;
        await expectMended(disk, where);
      }
    }
  });
});

describe('a repair whose calls fail', () => {
  it.each(DISK_CALLS)('of %s: fails with a typed error or goes without, and loses nothing', async (call) => {
    for (const code of ['EIO', 'ENOSPC', 'EDQUOT']) {
      for (let nth = 1; nth <= 40; nth++) {
        const disk = new SimulatedDisk();
        const seams = { disk, processes: new FakeProcesses({ pid: 1 }) };
        await damaged(seams, [0, 65_536]);
        disk.faults.fail(call, nth, code);
        const failed = await repairContainer(PATH, { ...seams, apply: true }).catch(
          (error: unknown) => error,
        );
        if (failed instanceof Error) expect(failed).toMatchObject({ name: 'ContainerError' });
        disk.faults.clear();
        const later = { ...seams, processes: new FakeProcesses({ pid: 2 }) };
        const { check } = await repairContainer(PATH, { ...later, apply: true });
        expect(['note', 'warning'], `${call} ${nth} ${code}`).toContain(check.verdict);
      }
    }
  });
});

describe.each(DAMAGES)('a repair of %s, one of whose writes stores a part of its bytes', (_what, offsets) => {
  it.each(['EIO', 'ENOSPC', 'EDQUOT'])(
    'and fails (%s): says so, loses nothing, and can be done again, also after a loss of power',
    async (code) => {
      for (const crash of [false, true]) {
        let nth = 1;
        for (let failed = true; failed; nth++) {
          failed = false;
          const disk = new SimulatedDisk();
          const seams = { disk, processes: new FakeProcesses({ pid: 1 }) };
          await damaged(seams, offsets);
          const short = withShortWrite(disk, nth, code, () => (failed = true));
          const outcome = await repairContainer(PATH, { ...seams, disk: short, apply: true }).catch(
            (error: unknown) => error,
          );
          if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'ContainerError' });
          if (crash) disk.crash(nth);
          await expectMended(disk, `${code}, write ${nth}${crash ? ', power gone' : ''}`);
        }
        // The lock file, what is saved, and a header at least.
        expect(nth).toBeGreaterThan(4);
      }
    },
  );
});

/** Repairs a container once more, by another process, and finds all that was in it. */
async function expectMended(disk: SimulatedDisk, where: string): Promise<void> {
  const later = { disk, processes: new FakeProcesses({ pid: 2 }) };
  const { check } = await repairContainer(PATH, { ...later, apply: true });
  expect(['note', 'warning'], where).toContain(check.verdict);
  const object = await StorageObject.open(PATH, later);
  expect(object.attributes.name, where).toBe('kept');
  const block = Buffer.alloc(512);
  await object.device.read([block], 4096);
  expect(block.equals(Buffer.alloc(512, 0xda)), where).toBe(true);
  await object.close();
  expect((await checkContainer(PATH, later)).findings, where).toEqual([]);
}
