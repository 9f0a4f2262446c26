import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { StorageObject, type NewLayout } from '@lunbox/storage-object';
import { expect, it } from 'vitest';
import { concat, file, mirror, SIZE, stripe } from '../../../storage-object/test/support/combined.ts';
import { cloneSnapshot, SnapshotObject } from '../../src/index.ts';
import { processes } from '../support/copies.ts';

const PATH = '/disk.lun';
const HALF = SIZE / 2;

const LAYOUTS: Readonly<Record<string, NewLayout>> = {
  mirror: mirror(file('/a.part'), file('/b.part')),
  stripe: stripe(file('/a.part'), file('/b.part')),
  concat: concat(file('/a.part', HALF), file('/b.part', HALF)),
};

async function read(device: SnapshotObject['device']): Promise<Buffer> {
  const bytes = Buffer.alloc(SIZE);
  await device.read([bytes], 0);
  return bytes;
}

it.each(Object.entries(LAYOUTS))(
  'a %s has snapshots, after a crash too, and is restored',
  async (_name, layout) => {
    const disk = new SimulatedDisk({ clones: true });
    const seams = { disk, processes, random: new SeededRandom(1) };
    await (await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout })).close();
    const opened = await SnapshotObject.open(PATH, seams);
    // Across the border of the parts.
    const write = (value: number): Promise<void> =>
      Promise.resolve(opened.device.write([Buffer.alloc(HALF, value)], HALF / 2));
    await write(1);
    const before = await read(opened.device);
    expect((await opened.set.create({ name: 'one' })).method).toBe('log');
    await write(2);
    const after = await read(opened.device);
    await opened.set.create({ name: 'two' });
    await write(3);
    disk.faults.haltAfter(0);
    await opened.close().catch(() => undefined);
    disk.crash(1);

    const again = await SnapshotObject.open(PATH, seams);
    for (const [name, content] of [
      ['one', before],
      ['two', after],
    ] as const) {
      const view = again.set.openView(name);
      const found = Buffer.alloc(SIZE);
      await view.read([found], 0);
      await view.close();
      expect(found.equals(content), name).toBe(true);
    }
    await cloneSnapshot(again.set, 'two', '/clone.lun', seams);
    const { done } = await again.set.restore('one');
    await done;
    expect((await read(again.device)).equals(before)).toBe(true);
    await again.close();
    const clone = await StorageObject.open('/clone.lun', seams);
    const found = Buffer.alloc(SIZE);
    await clone.device.read([found], 0);
    expect(found.equals(after)).toBe(true);
    await clone.close();
  },
);
