import { SimulatedDisk, type BlockDevice } from '@lunbox/block';
import type { LayoutStatus, NewLayout, StorageObject, StorageObjectSeams } from '../../src/index.ts';
import { FakeProcesses } from './fake-processes.ts';
import { HastyClock, MoodyDisk } from './moody-disk.ts';

export const MIB = 1 << 20;
export const SIZE = 4 * MIB;
export const PATH = '/disk.lun';
export const file = (path: string, sizeBytes?: number): NewLayout => ({
  kind: 'file',
  path,
  ...(sizeBytes === undefined ? {} : { sizeBytes }),
});
export const stripe = (...parts: NewLayout[]): NewLayout => ({ kind: 'stripe', stripeBytes: 65_536, parts });
export const concat = (...parts: NewLayout[]): NewLayout => ({ kind: 'concat', parts });
export const mirror = (...parts: NewLayout[]): NewLayout => ({ kind: 'mirror', parts });
export const slice = (offset: number, lengthBytes: number, part: NewLayout): NewLayout => ({
  kind: 'slice',
  offset,
  lengthBytes,
  part,
});
export const block = (fill: number): Buffer => Buffer.alloc(512, fill);

/** What objects of several parts live in. */
export interface World extends StorageObjectSeams {
  readonly simulated: SimulatedDisk;
  readonly disk: MoodyDisk;
  readonly clock: HastyClock;
}

/** A new simulated disk, and what else an object needs. */
export function world(): World {
  const simulated = new SimulatedDisk();
  return {
    simulated,
    disk: new MoodyDisk(simulated),
    clock: new HastyClock(),
    processes: new FakeProcesses(),
  };
}

/** Bytes of a device. */
export async function read(device: BlockDevice, offset = 0, length = 512): Promise<Buffer> {
  const into = Buffer.alloc(length, 0xee);
  await device.read([into], offset);
  return into;
}

/** The states of the legs of all mirrors, from left to right. */
export function statesOf(status: LayoutStatus | undefined): string[] {
  if (status === undefined) return [];
  const own = status.state === undefined ? [] : [status.state];
  return [...own, ...(status.parts ?? []).flatMap(statesOf)];
}

/** Waits until every mirror is in sync. */
export async function settled(object: StorageObject): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (statesOf(object.layout).every((state) => state === 'in-sync')) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`the legs are ${statesOf(object.layout).join()}`);
}

/** Every kind of combination, and nestings of them; with a name each. */
export const LAYOUTS: readonly (readonly [string, NewLayout])[] = [
  ['one file', file('a.img')],
  ['a stripe', stripe(file('a.img'), file('b.img'), file('c.img'))],
  ['a concatenation', concat(file('a.img', MIB), file('b.img'), file('c.img'))],
  ['a mirror', mirror(file('a.img'), file('b.img'))],
  ['a slice', slice(MIB, SIZE, file('a.img'))],
  ['a stripe of mirrors', stripe(mirror(file('a.img'), file('b.img')), mirror(file('c.img'), file('d.img')))],
  ['a mirror of stripes', mirror(stripe(file('a.img'), file('b.img')), stripe(file('c.img'), file('d.img')))],
  [
    'a concatenation of a slice, a mirror and a stripe',
    concat(
      slice(512, MIB, file('a.img')),
      mirror(file('b.img', MIB), file('c.img', MIB)),
      stripe(file('d.img'), file('e.img')),
    ),
  ],
];
