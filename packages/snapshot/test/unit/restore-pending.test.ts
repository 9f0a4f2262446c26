import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { StorageObject } from '@lunbox/storage-object';
import { expect, it } from 'vitest';
import { SnapshotObject } from '../../src/index.ts';

it('tells a reader that a restore is not done, and shows the disk as it is to be', async () => {
  const world = { disk: new SimulatedDisk(), random: new SeededRandom(1) };
  await (await StorageObject.create('/disk.lun', { ...world, sizeBytes: 1 << 20 })).close();
  const opened = await SnapshotObject.open('/disk.lun', world);
  await opened.device.write([Buffer.alloc(4096, 1)], 0);
  await opened.set.create({ name: 'one' });
  await opened.device.write([Buffer.alloc(4096, 2)], 0);
  expect(opened.set.restorePending).toBe(false);
  const { done } = await opened.set.restore('one');
  expect(opened.set.restorePending).toBe(true);
  done.catch(() => undefined);
  world.disk.endProcesses();
  const reader = await SnapshotObject.open('/disk.lun', { ...world, readOnly: true });
  expect(reader.set.restorePending).toBe(true);
  const found = Buffer.alloc(4096);
  await reader.device.read([found], 0);
  expect(found).toEqual(Buffer.alloc(4096, 1));
  await reader.close();
});
