import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { GrainMap } from '../../src/grain-map.ts';

const MIB = 2 ** 20;
/** A sixteenth of a TiB in grains of 64 KiB. */
const GRAINS = 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Memory in use once all garbage is gone: buffers are given back by a thread of their own, a little later. */
async function heldBytes(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    collectGarbage();
    await sleep(20);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

it.each([
  // All of a region was changed.
  { every: 1, mibPerTib: 64 },
  // Every third grain was: just too few for a place for each.
  { every: 3, mibPerTib: 144 },
])('the map of a TiB that was changed takes $mibPerTib MiB at most (one grain in $every)', async (shape) => {
  const { every, mibPerTib } = shape;
  const before = await heldBytes();
  const map = new GrainMap();
  for (let index = 0; index < GRAINS; index++) map.add(index * every, index);
  const bytesPerGrain = ((await heldBytes()) - before) / GRAINS;
  expect(map.size).toBe(GRAINS);
  // What the test itself and its surroundings hold is part of it.
  expect((bytesPerGrain * 2 ** 24) / MIB).toBeLessThan(mibPerTib * 1.1);
});
