import { describe, expect, it } from 'vitest';
import { StorageObject, type NewLayout } from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import {
  block,
  concat,
  file,
  mirror,
  PATH,
  read,
  settled,
  SIZE,
  stripe,
  world,
  type World,
} from '../support/combined.ts';
import { HastyClock } from '../support/moody-disk.ts';

const PAIR = mirror(file('a.img'), file('b.img'));

interface Served {
  readonly seams: World;
  readonly object: StorageObject;
  readonly told: string[];
}

/** A disk with a flushed block at each end, and one behind the first that is not flushed. */
async function serve(layout: NewLayout): Promise<Served> {
  const seams = world();
  const object = await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout });
  const told: string[] = [];
  object.onFault(({ message }) => told.push(message));
  await object.device.write([block(1)], 0);
  await object.device.write([block(2)], SIZE - 512);
  await object.device.flush();
  await object.device.write([block(3)], 512);
  return { seams, object, told };
}

/** Everything works again, and the disk is opened anew. */
async function reopen({ seams, object }: Served): Promise<void> {
  await expect(object.close()).rejects.toThrow();
  seams.clock.stopped = true;
  seams.disk.failing.clear();
  seams.simulated.crash(1);
  const clock = new HastyClock();
  const again = await StorageObject.open(PATH, { ...seams, clock, processes: new FakeProcesses({ pid: 2 }) });
  expect(again.faulted).toBeUndefined();
  expect([await read(again.device), await read(again.device, SIZE - 512)]).toEqual([block(1), block(2)]);
  await again.device.write([block(4)], 0);
  await again.device.flush();
  await settled(again);
  await again.close();
}

const LOST: readonly (readonly [string, NewLayout, readonly string[]])[] = [
  ['a file', file('a.img'), ['/a.img']],
  ['a stripe, of which one part fails', stripe(file('a.img'), file('b.img')), ['/a.img']],
  ['a concatenation, of which one part fails', concat(file('a.img', SIZE / 2), file('b.img')), ['/b.img']],
  ['a mirror, both legs of which fail', PAIR, ['/a.img', '/b.img']],
  [
    'a stripe of mirrors, of one of which both legs fail',
    stripe(PAIR, mirror(file('c.img'), file('d.img'))),
    ['/c.img', '/d.img'],
  ],
];

describe('a disk of several parts whose syncs fail', () => {
  it.each(LOST)(
    '%s: takes no change any more, says so once, and has what was flushed when it is opened again',
    async (_name, layout, failing) => {
      const served = await serve(layout);
      const { seams, object, told } = served;
      await object.device.write([block(5)], SIZE - 1024);
      for (const path of failing) seams.disk.failing.add(path);
      // The first one tells which writes are lost; it is no fault of the commands that follow.
      await expect(object.device.flush()).rejects.toMatchObject({ code: 'BLOCK_IO' });
      seams.disk.failing.clear();
      expect(object.faulted).toMatchObject({ code: 'BLOCK_FAULTED', data: { errno: 'EIO' } });
      expect(told).toEqual([expect.stringMatching(/\.img could not be made durable \(EIO\)/)]);
      // Wherever it would go.
      for (const change of [
        async () => object.device.write([block(6)], 0),
        async () => object.device.write([block(6)], SIZE - 512),
        async () => object.device.unmap(0, 512),
        async () => object.device.writeZeroes(SIZE - 512, 512),
        async () => object.device.flush(),
        async () => object.updateAttributes({ name: 'late' }),
        async () => object.grow(2 * SIZE),
      ])
        await expect(change()).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
      expect(told).toHaveLength(1);
      await reopen(served);
    },
  );

  it('a mirror with a leg left goes on', async () => {
    const { seams, object, told } = await serve(PAIR);
    seams.disk.failing.add('/a.img');
    await object.device.flush();
    await object.device.write([block(6)], 0);
    await object.device.flush();
    expect([object.faulted, told]).toEqual([undefined, []]);
    seams.disk.failing.clear();
    await settled(object);
    await object.close();
  });

  it('a mirror whose last leg fails while the other one is away is faulted', async () => {
    const served = await serve(PAIR);
    const { seams, object } = served;
    seams.disk.failing.add('/a.img');
    await object.device.flush();
    expect(object.faulted).toBeUndefined();
    await object.device.write([block(6)], 1024);
    seams.disk.failing.add('/b.img');
    await expect(object.device.flush()).rejects.toMatchObject({ code: 'BLOCK_IO' });
    expect(object.faulted).toMatchObject({ code: 'BLOCK_FAULTED' });
    await reopen(served);
  });

  it('a disk that cannot note what its legs hold is faulted', async () => {
    const served = await serve(PAIR);
    const { seams, object } = served;
    seams.disk.failing.add(PATH).add('/a.img');
    await expect(async () => object.device.write([block(6)], 1024)).rejects.toMatchObject({
      code: 'BLOCK_IO',
    });
    expect(object.faulted?.message).toContain('the header of the disk');
    await reopen(served);
  });
});
