import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SnapshotEvent, SnapshotSet } from '../../src/index.ts';
import { contentOf, GRAIN, makeDisk, openSet, SECTORS, type Content } from '../support/model.ts';

let set: SnapshotSet;
let events: SnapshotEvent[];

const fill = (value: number, from: number, count: number): Promise<void> =>
  Promise.resolve(set.device.write([Buffer.alloc(count * GRAIN, value)], from * GRAIN));
const names = (): string[] => set.list().map(({ name }) => name);
const told = (): string[] => events.map((event) => (event.kind === 'dropped' ? event.name : event.kind));

async function read(name: string): Promise<Content> {
  const view = set.openView(name);
  try {
    return await contentOf(view);
  } finally {
    await view.close();
  }
}

beforeEach(async () => {
  const disk = new SimulatedDisk();
  await makeDisk(disk);
  set = await openSet(disk, new SeededRandom(1));
  events = [];
  set.onEvent((event) => event.kind === 'taken' || events.push(event));
  await fill(1, 0, 12);
  await set.create({ name: 'a' });
  await fill(2, 0, 4);
  await set.create({ name: 'b' });
});

afterEach(async () => {
  await set.close();
});

describe('a limit of what snapshots take', () => {
  it('lets the oldest go that nobody holds, says so, and saves on', async () => {
    const before = await read('b');
    // Two first blocks and the groups: one of four grains is there, and one of six finds room only without it.
    await set.setPolicy({ limitBytes: 11 * GRAIN, whenFull: 'drop-oldest' });
    await fill(3, 0, 6);
    expect(names()).toEqual(['b']);
    expect(told()).toContain('a');
    expect(await read('b')).toEqual(before);
  });

  it('refuses the write where the policy says so, or all are held, and nothing is lost', async () => {
    const [disk, a, b] = [await contentOf(set.device), await read('a'), await read('b')];
    await set.setPolicy({ limitBytes: 11 * GRAIN, whenFull: 'refuse' });
    await expect(fill(3, 0, 6)).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
    await set.setPolicy({ limitBytes: 11 * GRAIN, whenFull: 'drop-oldest' });
    await set.hold('a', 'backup');
    await set.hold('b', 'backup');
    await expect(fill(3, 0, 6)).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
    expect(told()).toEqual(['refused', 'refused']);
    expect([await contentOf(set.device), await read('a'), await read('b')]).toEqual([disk, a, b]);
    await set.release('a', 'backup');
    await fill(3, 0, 6);
    expect(names()).toEqual(['b']);
    expect(await read('b')).toEqual(b);
  });

  it('lets even the newest go rather than the disk stand still', async () => {
    await set.setPolicy({ limitBytes: 3 * GRAIN, whenFull: 'drop-oldest' });
    await fill(9, 0, 12);
    expect(names()).toEqual([]);
    expect((await contentOf(set.device)).slice(0, SECTORS - 3)).toEqual(new Array(SECTORS - 3).fill(9));
  });

  it('tells when it comes near', async () => {
    await set.setPolicy({ limitBytes: 14 * GRAIN, whenFull: 'refuse' });
    await fill(3, 0, 5);
    expect(events).toEqual([{ kind: 'low-space', usedBytes: 13 * GRAIN, limitBytes: 14 * GRAIN }]);
  });
});
