import { randomBelow, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { expect, it } from 'vitest';
import { contentOf, makeDisk, openSet, SECTOR, SECTORS, type Content } from '../support/model.ts';

const SEEDS = 60;
const ROUNDS = 6;

/** What each sector may have: everything that was ever written to it, and zero. */
type Written = Set<number | undefined>[];

function mayBe(content: Content, written: Written): void {
  for (const [sector, value] of content.entries())
    expect(written[sector]!.has(value), `sector ${sector} has ${String(value)}`).toBe(true);
}

/** Writes, snapshots, readers of snapshots and deletions at once. */
async function play(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const disk = new SimulatedDisk({ clones: seed % 2 === 0 });
  await makeDisk(disk);
  const set = await openSet(disk, random);
  const written: Written = Array.from({ length: SECTORS }, () => new Set([0]));
  const known = new Map<string, Content>();
  for (let round = 0; round < ROUNDS; round++) {
    const work: Promise<unknown>[] = [];
    const name = `${round}`;
    for (let index = 0; index < 12; index++) {
      const at = randomBelow(random, SECTORS);
      const count = 1 + randomBelow(random, Math.min(12, SECTORS - at));
      const value = 1 + randomBelow(random, 255);
      for (let sector = at; sector < at + count; sector++) written[sector]!.add(value);
      // Overlapping writes at once may leave any of them, sector by sector, but nothing else.
      work.push(Promise.resolve(set.device.write([Buffer.alloc(count * SECTOR, value)], at * SECTOR)));
      if (index === 5) work.push(set.create({ name }));
      if (index === 8 && round > 2) {
        const gone = [...known.keys()][0]!;
        known.delete(gone);
        work.push(set.delete(gone));
      }
    }
    for (const [earlier, content] of known) {
      const view = set.openView(earlier);
      work.push(contentOf(view).then((found) => expect(found, `snapshot ${earlier}`).toEqual(content)));
      work.push(Promise.all(work).then(() => view.close()));
    }
    await Promise.all(work);
    const view = set.openView(name);
    known.set(name, await contentOf(view));
    mayBe(known.get(name)!, written);
    await view.close();
  }
  mayBe(await contentOf(set.device), written);
  await set.close();
  const again = await openSet(disk, random);
  for (const [name, content] of known) {
    const view = again.openView(name);
    expect(await contentOf(view)).toEqual(content);
    await view.close();
  }
  await again.close();
}

it('takes and reads snapshots while the disk is written', async () => {
  for (let seed = 0; seed < SEEDS; seed++)
    await play(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
}, 120_000);
