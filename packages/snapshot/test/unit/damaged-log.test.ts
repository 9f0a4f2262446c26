import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { beforeEach, describe, expect, it } from 'vitest';
import { DIRECTORY, GRAIN, makeDisk, openSet } from '../support/model.ts';

const BLOCK = 4096;
let disk: SimulatedDisk;
let log: string;

/** Damages a byte of the log; the index is not there to hide it. */
async function damage(offset: number): Promise<void> {
  const file = await disk.open(`${DIRECTORY}/${log}`, 'write');
  const byte = Buffer.alloc(1);
  await file.read([byte], offset);
  await file.write([Buffer.from([byte[0]! ^ 1])], offset);
  await file.close();
}

beforeEach(async () => {
  disk = new SimulatedDisk();
  await makeDisk(disk);
  const random = new SeededRandom(1);
  const set = await openSet(disk, random);
  await set.device.write([Buffer.alloc(3 * GRAIN, 1)], 0);
  await set.create({ name: 'a' });
  // A group of its own for each: a block of records, and a grain.
  for (let grain = 0; grain < 3; grain++) await set.device.write([Buffer.alloc(GRAIN, 2)], grain * GRAIN);
  await set.close();
  const names = await disk.readdir(DIRECTORY);
  log = names.find((name) => name.endsWith('.log'))!;
  await disk.unlink(`${DIRECTORY}/${log.replace('.log', '.map')}`);
});

describe('a log of which the medium has lost something', () => {
  it('is refused when groups follow the one that is lost: they are not cut off', async () => {
    await damage(BLOCK + (BLOCK + GRAIN) + 70);
    const { sizeBytes } = await disk.status(`${DIRECTORY}/${log}`);
    await expect(openSet(disk, new SeededRandom(2))).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    expect((await disk.status(`${DIRECTORY}/${log}`)).sizeBytes).toBe(sizeBytes);
  });

  it('is refused when its first block is damaged', async () => {
    await damage(30);
    await expect(openSet(disk, new SeededRandom(2))).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
  });
});
