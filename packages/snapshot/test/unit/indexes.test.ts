import { randomBelow, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { beforeEach, describe, expect, it } from 'vitest';
import { contentOf, DIRECTORY, GRAIN, GRAINS, makeDisk, openSet, type Content } from '../support/model.ts';

const random = new SeededRandom(5);
let disk: SimulatedDisk;
let contents: Content[];

async function indexes(): Promise<string[]> {
  return (await disk.readdir(DIRECTORY)).filter((name) => name.endsWith('.map'));
}

/** Opens the snapshots again, reads all of them, and closes them. */
async function readAll(): Promise<Content[]> {
  const set = await openSet(disk, random);
  const found: Content[] = [];
  for (const { name } of set.list()) {
    const view = set.openView(name);
    found.push(await contentOf(view));
    await view.close();
  }
  await set.close();
  return found;
}

beforeEach(async () => {
  disk = new SimulatedDisk();
  await makeDisk(disk);
  const set = await openSet(disk, random);
  contents = [];
  for (let index = 0; index < 8; index++) {
    contents.push(await contentOf(set.device));
    await set.create({ name: String(index) });
    for (let write = 0; write < 4; write++)
      await set.device.write(
        [Buffer.alloc(GRAIN, index * 8 + write + 1)],
        GRAIN * randomBelow(random, GRAINS),
      );
  }
  await set.close();
});

describe('indexes of the maps', () => {
  it('are there for all logs once the set is closed, and say what the logs say', async () => {
    expect(await indexes()).toHaveLength(8);
    expect(await readAll()).toEqual(contents);
  });

  it('are passed over when they are missing or any byte of them is wrong', async () => {
    for (const name of await indexes()) {
      const file = await disk.open(`${DIRECTORY}/${name}`, 'write');
      const { sizeBytes } = await file.status();
      const offset = randomBelow(random, sizeBytes);
      const byte = Buffer.alloc(1);
      await file.read([byte], offset);
      await file.write([Buffer.from([byte[0]! ^ 0x10])], offset);
      await file.close();
    }
    expect(await readAll()).toEqual(contents);
    for (const name of await indexes()) await disk.unlink(`${DIRECTORY}/${name}`);
    expect(await readAll()).toEqual(contents);
  });

  it('go with their logs', async () => {
    const set = await openSet(disk, random);
    for (const { name } of set.list().slice(0, -1)) await set.delete(name);
    await set.close();
    expect(await indexes()).toHaveLength(1);
  });
});
