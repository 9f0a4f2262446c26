import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { GrainMap } from '../../src/grain-map.ts';

/** Few regions and many grains in them, so that lists become dense; and some far away. */
const grain = fc.oneof(
  fc.integer({ min: 0, max: 9000 }),
  fc.integer({ min: 0, max: 2 ** 41 }),
  fc.integer({ min: 4000, max: 4200 }),
);

test.prop([fc.array(fc.tuple(grain, fc.integer({ min: 0, max: 2 ** 32 - 2 }))), fc.array(grain)])(
  'is a map that keeps the first slot of each grain, in the order of the grains',
  (entries, asked) => {
    const map = new GrainMap();
    const model = new Map<number, number>();
    for (const [key, slot] of entries) {
      expect(map.add(key, slot)).toBe(!model.has(key));
      if (!model.has(key)) model.set(key, slot);
    }
    expect(map.size).toBe(model.size);
    const sorted = [...model.keys()].sort((a, b) => a - b);
    for (const key of [...asked, ...sorted]) {
      expect(map.get(key)).toBe(model.get(key));
      const next = sorted.find((each) => each >= key);
      expect(map.next(key, Number.MAX_SAFE_INTEGER)).toBe(next);
      if (next !== undefined) expect(map.next(key, next)).toBeUndefined();
    }
  },
);

test('a region that is full, filled in any order', () => {
  const map = new GrainMap();
  for (let index = 0; index < 8192; index++) map.add((index * 4099) % 8192, index);
  expect(map.size).toBe(8192);
  for (let index = 0; index < 8192; index++) {
    expect(map.get((index * 4099) % 8192)).toBe(index);
    expect(map.next(index, 8192)).toBe(index);
  }
  expect(map.next(8192, Number.MAX_SAFE_INTEGER)).toBeUndefined();
});
