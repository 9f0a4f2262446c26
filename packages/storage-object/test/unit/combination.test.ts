import { SeededRandom, randomBelow } from '@lunbox/block';
import { blockDeviceCompliance } from '@lunbox/block/compliance';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  checkContainer,
  deleteContainer,
  layoutFromHints,
  readContainerInfo,
  renameContainer,
  StorageObject,
  type NewLayout,
} from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import {
  block,
  concat,
  file,
  LAYOUTS,
  MIB,
  mirror,
  PATH,
  read,
  settled,
  SIZE,
  slice,
  statesOf,
  stripe,
  world,
  type World,
} from '../support/combined.ts';
import { tempDirectory } from '../support/temp-directory.ts';

describe.each(LAYOUTS)('%s', (name, layout) => {
  blockDeviceCompliance({
    name,
    create: async () => {
      const object = await StorageObject.create(PATH, { ...world(), sizeBytes: SIZE, layout });
      return {
        device: object.device,
        resize: (size) => object.grow(size),
        dispose: () => object.close(),
      };
    },
    test: (title, fn) => {
      it(title, fn);
    },
  });

  it('comes back as it was left, and says what it is made of', async () => {
    const seams = world();
    const object = await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout });
    expect(object.device.size).toBe(SIZE);
    for (let at = 0; at < SIZE; at += MIB / 4) await object.device.write([block(1 + at / (MIB / 4))], at);
    await object.close();
    const info = await readContainerInfo(PATH, seams);
    expect(info).toMatchObject({ continuity: 'clean', capacityBytes: SIZE, layout: { kind: layout.kind } });
    expect(JSON.stringify(info.layout)).not.toContain('problem');
    expect(await checkContainer(PATH, seams)).toMatchObject({ verdict: 'note', findings: [] });
    const again = await StorageObject.open(PATH, seams);
    expect(again.continuity).toBe('clean');
    for (let at = 0; at < SIZE; at += MIB / 4)
      expect((await read(again.device, at))[0]).toBe(1 + at / (MIB / 4));
    await again.close();
    const reader = await StorageObject.open(PATH, { ...seams, readOnly: true });
    expect((await read(reader.device))[0]).toBe(1);
    await reader.close();
  });
});

describe('a part', () => {
  async function striped(): Promise<World> {
    const seams = world();
    const layout = stripe(file('a.img'), file('b.img'));
    await (await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout })).close();
    return seams;
  }

  const refusal = async (seams: World): Promise<unknown> =>
    StorageObject.open(PATH, seams).catch((error: unknown) => error);

  it('is not served by itself', async () => {
    const seams = await striped();
    await expect(StorageObject.open('/a.img', seams)).rejects.toMatchObject({ code: 'CONTAINER_IS_PART' });
    expect(await readContainerInfo('/a.img', seams)).toMatchObject({
      partOf: (await readContainerInfo(PATH, seams)).birthIdentity,
    });
  });

  it('that is missing is named, and nothing is left locked', async () => {
    const seams = await striped();
    await seams.disk.rename('/b.img', '/away.img');
    expect(await refusal(seams)).toMatchObject({ code: 'CONTAINER_PART_MISSING', data: { path: '/b.img' } });
    expect((await checkContainer(PATH, seams)).findings).toMatchObject([
      { code: 'PART_MISSING', severity: 'loss' },
    ]);
    await seams.disk.rename('/away.img', '/b.img');
    await (await StorageObject.open(PATH, seams)).close();
  });

  it('that has changed places with another is named', async () => {
    const seams = await striped();
    await seams.disk.rename('/b.img', '/c.img');
    await seams.disk.rename('/a.img', '/b.img');
    await seams.disk.rename('/c.img', '/a.img');
    expect(await refusal(seams)).toMatchObject({ code: 'CONTAINER_PART_WRONG', data: { path: '/a.img' } });
    expect((await checkContainer(PATH, seams)).findings).toMatchObject([{ code: 'PART_WRONG' }]);
  });

  it('of another disk is refused, and so is a disk', async () => {
    const seams = await striped();
    await seams.disk.unlink('/a.img');
    const other = stripe(file('a.img'), file('x.img'));
    await (await StorageObject.create('/other.lun', { ...seams, sizeBytes: SIZE, layout: other })).close();
    expect(await refusal(seams)).toMatchObject({ code: 'CONTAINER_PART_WRONG', data: { path: '/a.img' } });
    await seams.disk.unlink('/a.img');
    await (await StorageObject.create('/a.img', { ...seams, sizeBytes: SIZE })).close();
    expect(await refusal(seams)).toMatchObject({ code: 'CONTAINER_PART_WRONG', data: { path: '/a.img' } });
  });

  it('that is cut short is damaged', async () => {
    const seams = await striped();
    const handle = await seams.disk.open('/b.img', 'write');
    await handle.truncate(2 * MIB);
    await handle.close();
    expect(await refusal(seams)).toMatchObject({ code: 'CONTAINER_PART_DAMAGED', data: { path: '/b.img' } });
    expect((await checkContainer(PATH, seams)).findings).toMatchObject([{ code: 'PART_DAMAGED' }]);
  });

  it('is locked while the disk is open', async () => {
    const seams = await striped();
    const object = await StorageObject.open(PATH, seams);
    const other = { ...seams, processes: new FakeProcesses({ pid: 2 }) };
    await expect(StorageObject.open(PATH, other)).rejects.toMatchObject({ code: 'CONTAINER_LOCKED' });
    await object.close();
  });

  it('that exists already is never touched, and no other is left', async () => {
    const seams = world();
    await (await seams.disk.open('/b.img', 'create')).close();
    const created = StorageObject.create(PATH, {
      ...seams,
      sizeBytes: SIZE,
      layout: stripe(file('a.img'), file('b.img')),
    });
    await expect(created).rejects.toMatchObject({ code: 'CONTAINER_EXISTS', data: { path: '/b.img' } });
    expect(await seams.disk.readdir('/')).toEqual(['b.img']);
  });
});

describe('parts on a real file system', () => {
  it('restored from a time before the last use are told from those that belong together', async () => {
    const directory = tempDirectory();
    const path = join(directory, 'disk.lun');
    const layout = stripe(file('a.img'), file('b.img'));
    await (await StorageObject.create(path, { sizeBytes: SIZE, layout })).close();
    cpSync(join(directory, 'a.img'), join(directory, 'a.old'));
    const object = await StorageObject.open(path);
    await object.device.write([Buffer.alloc(MIB, 7)], 0);
    await object.close();
    cpSync(join(directory, 'a.old'), join(directory, 'a.img'));
    await expect(StorageObject.open(path)).rejects.toMatchObject({ code: 'CONTAINER_PART_STALE' });
    expect((await checkContainer(path)).findings.map(({ code }) => code)).toContain('PART_STALE');
  });

  it('go with a copy that has them all; a copy that names those of the original is refused', async () => {
    const directory = tempDirectory();
    const home = join(directory, 'home');
    mkdirSync(home);
    const path = join(home, 'disk.lun');
    const layout = mirror(file('a.img'), file(join(directory, 'b.img')));
    const object = await StorageObject.create(path, { sizeBytes: SIZE, layout });
    await object.device.write([block(5)], 0);
    await object.close();
    cpSync(home, join(directory, 'copy'), { recursive: true });
    const copyPath = join(directory, 'copy', 'disk.lun');
    await expect(StorageObject.open(copyPath)).rejects.toMatchObject({ code: 'CONTAINER_FOREIGN' });
    await (await StorageObject.open(path)).close();

    const whole = join(directory, 'whole');
    mkdirSync(whole);
    const together = join(whole, 'disk.lun');
    await (
      await StorageObject.create(together, { sizeBytes: SIZE, layout: mirror(file('a.img'), file('b.img')) })
    ).close();
    cpSync(whole, join(directory, 'moved'), { recursive: true });
    const moved = await StorageObject.open(join(directory, 'moved', 'disk.lun'));
    expect(moved.continuity).toBe('foreign');
    await moved.close();
  });
});

describe('a mirror in a container', () => {
  const layout = mirror(file('a.img'), file('b.img'));

  async function written(): Promise<World> {
    const seams = world();
    const object = await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout });
    await object.device.write([block(1)], 0);
    await object.close();
    return seams;
  }

  it('opens without a leg, says so, and brings it back when it is there again', async () => {
    const seams = await written();
    await seams.disk.rename('/a.img', '/away.img');
    expect((await checkContainer(PATH, seams)).findings).toMatchObject([{ code: 'MIRROR_DEGRADED' }]);
    const object = await StorageObject.open(PATH, seams);
    expect(statesOf(object.layout)).toEqual(['stale', 'in-sync']);
    expect(statesOf((await readContainerInfo(PATH, seams)).layout)).toEqual(['stale', 'in-sync']);
    await object.device.write([block(2)], 0);
    await seams.disk.rename('/away.img', '/a.img');
    await settled(object);
    seams.disk.failing.add('/b.img');
    expect(await read(object.device)).toEqual(block(2));
    await object.device.write([block(3)], 0);
    await object.device.flush();
    await object.close();
  });

  it('never reads a leg that missed a write, however often it is opened', async () => {
    const seams = await written();
    const object = await StorageObject.open(PATH, seams);
    seams.disk.failing.add('/a.img');
    await object.device.write([block(2)], 0);
    await object.close();
    seams.disk.failing.clear();
    seams.clock.stopped = true;
    for (let round = 0; round < 3; round++) {
      const again = await StorageObject.open(PATH, seams);
      expect(statesOf(again.layout)).toEqual(['stale', 'in-sync']);
      expect(await read(again.device)).toEqual(block(2));
      await again.close();
    }
    await seams.disk.rename('/b.img', '/away.img');
    await expect(StorageObject.open(PATH, seams)).rejects.toMatchObject({ code: 'CONTAINER_PART_MISSING' });
  });

  it('refuses every change when what a leg missed cannot be noted', async () => {
    const seams = await written();
    const object = await StorageObject.open(PATH, seams);
    seams.disk.failing.add('/a.img').add(PATH);
    const write = async (): Promise<void> => object.device.write([block(2)], 0);
    await expect(write()).rejects.toMatchObject({ code: 'BLOCK_IO' });
    await expect(write()).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
    await object.close().catch(() => undefined);
  });

  it('loses nothing when a leg fails under load, again and again, and is resynced each time', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const seams = await written();
      const object = await StorageObject.open(PATH, seams);
      const random = new SeededRandom(seed);
      const model = await read(object.device, 0, SIZE);
      for (let round = 0; round < 6; round++) {
        const leg = round % 2 === 0 ? '/a.img' : '/b.img';
        const writes = Array.from({ length: 40 }, async (_, step) => {
          const count = 1 + randomBelow(random, 16);
          const offset = step * 100 * 512;
          const bytes = Buffer.alloc(count * 512, 1 + randomBelow(random, 255));
          bytes.copy(model, offset);
          for (let turn = 0; turn < step; turn++) await new Promise((resolve) => setImmediate(resolve));
          if (step === 20) seams.disk.failing.add(leg);
          await object.device.write([bytes], offset);
          if (step % 7 === 0) await object.device.flush();
        });
        await Promise.all(writes);
        expect(statesOf(object.layout), `seed ${seed}`).toContain('stale');
        expect((await read(object.device, 0, SIZE)).equals(model), `seed ${seed}`).toBe(true);
        seams.disk.failing.clear();
        await settled(object);
        expect((await read(object.device, 0, SIZE)).equals(model), `seed ${seed}`).toBe(true);
      }
      await object.close();
      expect((await checkContainer(PATH, seams)).findings, `seed ${seed}`).toEqual([]);
    }
  });
});

describe('hints', () => {
  const parts = ['a', 'b', 'c', 'd'].map((path) => file(path));

  it('choose the mapping', () => {
    expect(layoutFromHints({}, parts)).toMatchObject({ kind: 'concat' });
    expect(layoutFromHints({ raidLevel: 0, stripeBytes: 4096 }, parts)).toMatchObject({
      kind: 'stripe',
      stripeBytes: 4096,
    });
    expect(layoutFromHints({ raidLevel: 1 }, parts)).toMatchObject({ kind: 'mirror' });
    expect(layoutFromHints({ raidLevel: 10 }, parts)).toMatchObject({
      kind: 'stripe',
      parts: [{ kind: 'mirror' }, { kind: 'mirror' }],
    });
  });

  it('that fit nothing are answered in words', () => {
    for (const [raidLevel, count] of [
      [5, 3],
      [1, 1],
      [10, 3],
      [0, 0],
    ] as const)
      expect(typeof layoutFromHints({ raidLevel }, parts.slice(0, count))).toBe('string');
  });
});

describe('a layout', () => {
  it.each<[string, NewLayout]>([
    ['has a part twice', stripe(file('a.img'), file('a.img'))],
    ['has a part twice, by two names', stripe(file('a.img'), file('./a.img'))],
    ['is the container', stripe(file('disk.lun'), file('b.img'))],
    ['is empty', stripe()],
    [
      'has a stripe that is no multiple of a block',
      { kind: 'stripe', stripeBytes: 100, parts: [file('a.img')] },
    ],
    ['is too small', concat(file('a.img', MIB))],
    ['leaves nothing for a part', concat(file('a.img', SIZE), file('b.img'))],
    ['has a slice that is too small', slice(0, MIB, file('a.img'))],
    ['has a part without a name', file('')],
    ['has too many parts', concat(...Array.from({ length: 65 }, (_, index) => file(`${index}.img`)))],
  ])('that %s is refused, and nothing is made', async (_what, layout) => {
    const seams = world();
    const created = StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout });
    await expect(created).rejects.toMatchObject({ code: 'CONTAINER_BAD_LAYOUT' });
    expect(await seams.disk.readdir('/')).toEqual([]);
  });

  it('is known to those who rename it and delete a part: none of them loses one', async () => {
    const seams = world();
    await seams.disk.mkdir('/elsewhere');
    const layout = stripe(file('a.img'), file('b.img'));
    await (await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout })).close();
    const refused = [
      [() => renameContainer(PATH, '/elsewhere/disk.lun', seams), 'CONTAINER_BAD_LAYOUT'],
      [() => deleteContainer('/a.img', seams), 'CONTAINER_UNCLEAN'],
    ] as const;
    for (const [attempt, code] of refused) await expect(attempt()).rejects.toMatchObject({ code });
    await renameContainer(PATH, '/renamed.lun', seams);
    await (await StorageObject.open('/renamed.lun', seams)).close();
  });

  it('cannot be changed as an attribute', async () => {
    const object = await StorageObject.create(PATH, { ...world(), sizeBytes: SIZE, layout: file('a.img') });
    await expect(object.updateAttributes({ layout: {} })).rejects.toMatchObject({
      code: 'CONTAINER_BAD_ATTRIBUTES',
    });
    await object.close();
  });
});
