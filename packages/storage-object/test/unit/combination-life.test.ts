import { describe, expect, it } from 'vitest';
import {
  checkContainer,
  exportContainer,
  findDrafts,
  importImage,
  readContainerInfo,
  repairDrafts,
  shrinkContainer,
  StorageObject,
  type NewLayout,
} from '../../src/index.ts';
import {
  block,
  concat,
  file,
  LAYOUTS,
  MIB,
  mirror,
  PATH,
  read,
  SIZE,
  slice,
  stripe,
  world,
  type World,
} from '../support/combined.ts';

const IMAGE = '/image';
/** Something at the start, across two units of a stripe, and at the end. */
const CONTENT = Buffer.alloc(SIZE);
CONTENT.fill(1, 0, 512);
CONTENT.fill(2, 65_000, 70_000);
CONTENT.fill(3, 2 * MIB + 512, 2 * MIB + 4096);
CONTENT.fill(4, SIZE - 512);

async function make(seams: World, layout: NewLayout, content = CONTENT): Promise<void> {
  const object = await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout });
  for (let at = 0; at < content.length; at += 512) {
    const from = content.subarray(at, at + 512);
    if (from.some((byte) => byte !== 0)) await object.device.write([from], at);
  }
  await object.close();
}

async function makeImage({ simulated }: World, content = CONTENT): Promise<void> {
  const image = await simulated.open(IMAGE, 'create');
  await image.truncate(content.length);
  for (let at = 0; at < content.length; at += 512) {
    const from = content.subarray(at, at + 512);
    if (from.some((byte) => byte !== 0)) await image.write([from], at);
  }
  await image.close();
}

async function readFile({ simulated }: World, path: string): Promise<Buffer> {
  const source = await simulated.open(path, 'read');
  const bytes = Buffer.alloc((await source.status()).sizeBytes);
  await source.read([bytes], 0);
  await source.close();
  return bytes;
}

async function contentOf(seams: World, path = PATH): Promise<Buffer> {
  const object = await StorageObject.open(path, seams);
  const content = await read(object.device, 0, object.device.size);
  await object.close();
  return content;
}

describe.each(LAYOUTS)('a disk of %s', (_name, layout) => {
  it('is exported as it reads, with its holes, and nothing of it is changed', async () => {
    const seams = world();
    await make(seams, layout);
    const before = await readFile(seams, PATH);
    await exportContainer(PATH, IMAGE, seams);
    expect((await readFile(seams, IMAGE)).equals(CONTENT)).toBe(true);
    expect((await seams.simulated.status(IMAGE)).allocatedBytes).toBeLessThan(SIZE / 2);
    expect((await readFile(seams, PATH)).equals(before)).toBe(true);
    expect((await readContainerInfo(PATH, seams)).continuity).toBe('clean');
  });

  it('is made of an image, and holes stay holes', async () => {
    const seams = world();
    await makeImage(seams);
    const heard: number[] = [];
    const onProgress = ({ doneBytes }: { doneBytes: number }): void => void heard.push(doneBytes);
    await importImage(IMAGE, PATH, { ...seams, layout, onProgress });
    expect(heard.at(-1)).toBe(SIZE);
    expect((await checkContainer(PATH, seams)).findings).toEqual([]);
    const object = await StorageObject.open(PATH, seams);
    expect([object.continuity, (await object.space()).usedBytes < SIZE]).toEqual(['clean', true]);
    await object.close();
    expect((await contentOf(seams)).equals(CONTENT)).toBe(true);
    expect(await findDrafts('/', seams)).toEqual([]);
  });

  it('is made smaller, and nothing of what went comes back', async () => {
    const seams = world();
    await make(seams, layout);
    // A concatenation loses no part, and the three here share what the first leaves.
    const sizeBytes = 3 * MIB + 4096;
    const refused = shrinkContainer(PATH, sizeBytes, seams);
    await expect(refused).rejects.toMatchObject({ code: 'CONTAINER_NOT_EMPTY' });
    expect((await contentOf(seams)).equals(CONTENT)).toBe(true);
    await shrinkContainer(PATH, sizeBytes, { ...seams, discardData: true });
    expect((await checkContainer(PATH, seams)).findings).toEqual([]);
    expect((await contentOf(seams)).equals(CONTENT.subarray(0, sizeBytes))).toBe(true);
    const object = await StorageObject.open(PATH, seams);
    await object.grow(SIZE);
    const end = await read(object.device, sizeBytes, SIZE - sizeBytes);
    expect(end.every((byte) => byte === 0)).toBe(true);
    await object.close();
  });
});

describe('importing to several parts', () => {
  it('fills up a last block, and takes the space when that is said', async () => {
    const seams = world();
    await makeImage(seams, CONTENT.subarray(0, 70_001));
    const layout = stripe(file('a.img'), file('b.img'));
    await importImage(IMAGE, PATH, { ...seams, layout, blockSize: 4096, preallocate: true });
    const content = await contentOf(seams);
    expect(content.length).toBe(18 * 4096);
    expect(content.subarray(0, 70_001).equals(CONTENT.subarray(0, 70_001))).toBe(true);
    expect(content.subarray(70_001).every((byte) => byte === 0)).toBe(true);
    const { usedBytes } = await readContainerInfo(PATH, seams);
    expect(usedBytes).toBeGreaterThanOrEqual(0);
    for (const part of ['/a.img', '/b.img'])
      expect((await seams.simulated.status(part)).allocatedBytes).toBeGreaterThanOrEqual(65_536);
  });

  it('cannot take the place of the image', async () => {
    const seams = world();
    await makeImage(seams);
    const refused = importImage(IMAGE, IMAGE, { ...seams, layout: mirror(file('a.img'), file('b.img')) });
    await expect(refused).rejects.toMatchObject({ code: 'CONTAINER_BAD_LAYOUT' });
    expect((await readFile(seams, IMAGE)).equals(CONTENT)).toBe(true);
    expect(await seams.simulated.readdir('/')).toEqual(['image']);
  });

  it('that fails takes back what it has made', async () => {
    const seams = world();
    await makeImage(seams);
    const layout = mirror(file('a.img'), file('b.img'));
    const onProgress = (): void => void seams.disk.failing.add('/b.img');
    const failed = importImage(IMAGE, PATH, { ...seams, layout, onProgress });
    await expect(failed).rejects.toMatchObject({ name: expect.stringMatching(/Error$/) as string });
    seams.disk.failing.clear();
    expect((await seams.simulated.readdir('/')).filter((name) => !name.endsWith('.lock'))).toEqual(['image']);
  });

  it('that was killed leaves a draft that goes with its parts', async () => {
    const seams = world();
    await makeImage(seams);
    let stop = (): void => undefined;
    const reached = new Promise<void>((resolve) => (stop = resolve));
    const { simulated } = seams;
    const link = simulated.link.bind(simulated);
    simulated.link = async (from, to) => {
      if (to !== PATH) return await link(from, to);
      stop();
      await new Promise(() => undefined);
    };
    void importImage(IMAGE, PATH, { ...seams, layout: stripe(file('a.img'), file('b.img')) });
    await reached;
    simulated.link = link;
    simulated.endProcesses();
    expect((await findDrafts('/', seams))[0]?.parts).toEqual(['/a.img', '/b.img']);
    await repairDrafts('/', { ...seams, apply: true });
    expect((await simulated.readdir('/')).filter((name) => !name.endsWith('.lock'))).toEqual(['image']);
  });
});

describe('making a disk of several parts smaller', () => {
  it('is refused where the shape does not allow it, and while a leg is missing', async () => {
    const seams = world();
    await make(seams, concat(file('a.img', MIB), file('b.img')));
    const tooSmall = shrinkContainer(PATH, MIB, { ...seams, discardData: true });
    await expect(tooSmall).rejects.toThrow(/a concatenation loses no part/);
    expect((await contentOf(seams)).equals(CONTENT)).toBe(true);
    const other = world();
    await make(other, mirror(file('a.img'), file('b.img')));
    await other.simulated.rename('/b.img', '/away.img');
    const degraded = shrinkContainer(PATH, MIB, { ...other, discardData: true });
    await expect(degraded).rejects.toMatchObject({ code: 'CONTAINER_PART_STALE' });
    expect((await contentOf(other)).equals(CONTENT)).toBe(true);
  });

  it('gives the space of its files back', async () => {
    const seams = world();
    await make(seams, slice(512, SIZE, file('a.img')), Buffer.alloc(SIZE, 5));
    await shrinkContainer(PATH, MIB, { ...seams, discardData: true });
    expect((await seams.simulated.status('/a.img')).sizeBytes).toBe(MIB + 512 + MIB);
    const object = await StorageObject.open(PATH, seams);
    expect(await read(object.device, MIB - 512)).toEqual(block(5));
    await object.close();
  });
});
