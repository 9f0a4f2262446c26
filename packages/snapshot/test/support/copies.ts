import { SimulatedDisk, type Disk } from '@lunbox/block';
import { StorageObject, type ProcessTable, type StorageObjectSeams } from '@lunbox/storage-object';
import { createHash } from 'node:crypto';
import { SnapshotSet } from '../../src/index.ts';
import { GRAIN } from './model.ts';

export const COPY_SIZE: number = 40 * GRAIN + 1024;

/** A machine on which this program runs and no other. */
export const processes: ProcessTable = {
  self: () => Promise.resolve({ host: 'here', bootId: '', pidNamespace: 1, pid: 7, startTime: '1' }),
  isRunning: () => Promise.resolve(false),
};

/** A container with snapshots, and what belongs to it. */
export interface TestObject {
  readonly set: SnapshotSet;
  readonly seams: Omit<StorageObjectSeams, 'clock'>;
  readonly image: { readonly path: string; readonly dataOffset: number };
}

/** Makes a container with some content, and opens it with its snapshots. */
export async function makeObject(disk: Disk, path = '/disk.lun'): Promise<TestObject> {
  const seams = { disk, processes };
  const object = await StorageObject.create(path, { ...seams, sizeBytes: COPY_SIZE });
  const { dataOffset } = await object.info();
  const set = await SnapshotSet.open({
    image: { file: await disk.open(path, 'read'), dataOffset },
    production: object.device,
    object: object.identity,
    directory: `${path}.snaps`,
    grainBytes: GRAIN,
    disk,
  });
  await set.device.write([Buffer.alloc(10 * GRAIN, 1)], 2 * GRAIN);
  await set.device.write([Buffer.alloc(1024, 2)], COPY_SIZE - 1024);
  return { set, seams, image: { path, dataOffset } };
}

/** All bytes of a container, as they are read from its file. */
export async function diskOf(disk: Disk, path: string): Promise<Buffer> {
  const object = await StorageObject.open(path, { disk, processes, readOnly: true });
  const bytes = Buffer.alloc(object.device.size);
  await object.device.read([bytes], 0);
  await object.close();
  return bytes;
}

/** All bytes of a snapshot. */
export async function snapshotContent(set: SnapshotSet, name: string): Promise<Buffer> {
  const view = set.openView(name);
  const bytes = Buffer.alloc(view.size);
  await view.read([bytes], 0);
  await view.close();
  return bytes;
}

/** All bytes of a file. */
export async function fileOf(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  const bytes = Buffer.alloc((await file.status()).sizeBytes);
  await file.read([bytes], 0);
  await file.close();
  return bytes;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A simulated disk that can do what is asked for, with a directory for publications. */
export async function copyDisk(clones: boolean): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ clones });
  await disk.mkdir('/export');
  await disk.syncDirectory('/');
  return disk;
}
