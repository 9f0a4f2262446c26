import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { expect, it } from 'vitest';
import type { SnapshotEvent, SnapshotSet } from '../../src/index.ts';
import { GRAIN, makeDisk, openSet } from '../support/model.ts';

const faulted = { code: 'BLOCK_FAULTED' };

/** A disk with a snapshot that has saved nothing yet, and the events of its snapshots. */
async function scene(): Promise<{ disk: SimulatedDisk; set: SnapshotSet; events: SnapshotEvent[] }> {
  const disk = new SimulatedDisk();
  await makeDisk(disk);
  const set = await openSet(disk, new SeededRandom(1));
  const events: SnapshotEvent[] = [];
  set.onEvent((event) => event.kind === 'taken' || events.push(event));
  await set.device.write([Buffer.alloc(2 * GRAIN, 1)], 0);
  await set.create({ name: 'a' });
  return { disk, set, events };
}

it.each([
  ['the list of snapshots', (set: SnapshotSet) => set.rename('a', 'b')],
  ['what is saved', (set: SnapshotSet) => set.device.write([Buffer.alloc(GRAIN, 2)], 0)],
])('a failed sync of %s ends all changes, and is told once', async (_what, change) => {
  const { disk, set, events } = await scene();
  expect(set.faulted).toBeUndefined();
  disk.faults.fail('sync', 1, 'EIO');
  await expect(Promise.resolve(change(set))).rejects.toThrow();
  expect(set.faulted).toMatchObject(faulted);
  for (let round = 0; round < 2; round++)
    await expect(set.device.write([Buffer.alloc(GRAIN, 3)], GRAIN)).rejects.toMatchObject(faulted);
  expect(events).toEqual([{ kind: 'faulted', message: set.faulted?.message }]);
  await set.close();
  // Opened again it is whole.
  const again = await openSet(disk, new SeededRandom(2));
  await again.device.write([Buffer.alloc(GRAIN, 3)], GRAIN);
  expect(again.faulted).toBeUndefined();
  await again.close();
});
