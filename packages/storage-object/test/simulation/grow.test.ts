import { randomBelow, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { expect, it } from 'vitest';
import { StorageObject } from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';

const PATH = '/disk.lun';
const BLOCK = 512;
const SEEDS = 100;
const ROUNDS = 4;
const STEPS = 12;

/** What a block holds. */
interface BlockModel {
  bytes: Set<number>;
  /** What it was filled with since the last flush; a crash may make anything of it then. */
  unflushed: number | undefined;
}

/** What the disk may be like after a crash. */
interface Model {
  sizes: number[];
  readonly blocks: BlockModel[];
}

function extend({ blocks }: Model, sizeBytes: number): void {
  while (blocks.length * BLOCK < sizeBytes) blocks.push({ bytes: new Set([0]), unflushed: undefined });
}

/** Random writes, flushes and growth until the power goes; the model is told of each before and after it. */
async function live(object: StorageObject, model: Model, random: SeededRandom): Promise<void> {
  const { device } = object;
  for (let step = 0; step < STEPS; step++) {
    const choice = randomBelow(random, 4);
    if (choice === 0) {
      const grown = device.size + (1 + randomBelow(random, 64)) * BLOCK;
      model.sizes = [device.size, grown];
      extend(model, grown);
      await object.grow(grown);
      expect(device.size).toBe(grown);
      model.sizes = [grown];
    } else if (choice === 1) {
      await device.flush();
      for (const block of model.blocks) {
        if (block.unflushed !== undefined) block.bytes = new Set([block.unflushed]);
        block.unflushed = undefined;
      }
    } else {
      const at = randomBelow(random, device.size / BLOCK);
      const value = 1 + randomBelow(random, 255);
      const block = model.blocks[at]!;
      block.unflushed = value;
      await device.write([Buffer.alloc(BLOCK, value)], at * BLOCK);
    }
  }
}

/** What is found must be allowed, and is all that is allowed from now on. */
async function compare({ device }: StorageObject, model: Model): Promise<void> {
  expect(model.sizes).toContain(device.size);
  model.sizes = [device.size];
  model.blocks.splice(device.size / BLOCK);
  const content = Buffer.alloc(device.size);
  await device.read([content], 0);
  for (const [index, block] of model.blocks.entries()) {
    const found = new Set(content.subarray(index * BLOCK, (index + 1) * BLOCK));
    const same = found.size === block.bytes.size && [...found].every((byte) => block.bytes.has(byte));
    if (block.unflushed === undefined && !same) expect(found, `block ${index}`).toEqual(block.bytes);
    block.bytes = found;
    block.unflushed = undefined;
  }
}

it('a disk that grows again and again has an old size or the new one, and every flushed block', async () => {
  let largest = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = new SeededRandom(seed);
    const disk = new SimulatedDisk();
    const sizeBytes = (1 + randomBelow(random, 64)) * BLOCK;
    const model: Model = { sizes: [sizeBytes], blocks: [] };
    extend(model, sizeBytes);
    const created = { disk, random, sizeBytes, processes: new FakeProcesses({ pid: 1 }) };
    await (await StorageObject.create(PATH, created)).close();
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const processes = new FakeProcesses({ pid: 100 + round });
        const object = await StorageObject.open(PATH, { disk, random, processes });
        await compare(object, model);
        largest = Math.max(largest, object.device.size);
        const changes = randomBelow(random, 40);
        disk.faults.haltAfter(changes);
        // Only the power may end it: what the model finds wrong is thrown on.
        await live(object, model, random).catch((error: unknown) => {
          if (!disk.faults.halted) throw error;
        });
        disk.crash(seed * 1000 + round);
      }
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  expect(largest).toBeGreaterThan(100 * BLOCK);
}, 120_000);
