import { BlockError, randomBelow, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { beforeAll, describe, expect, it } from 'vitest';
import { SnapshotError, verifySnapshot } from '../../src/index.ts';
import { DIRECTORY, GRAIN, makeDisk, openSet, PATH, snapshotsOf, type Content } from '../support/model.ts';

const SLOT_BYTES = 1 << 20;
/** Only every so many bytes of a list, and a log, are changed one by one. */
const EVERY = 7;
const RANGES = 300;

type Files = ReadonlyMap<string, Buffer>;
/** What the disk and its snapshots have. */
type Found = readonly (readonly [string, Content])[];

let files: Files;
let expected: Found;

async function readFiles(disk: SimulatedDisk): Promise<Files> {
  const found = new Map<string, Buffer>();
  for (const path of [PATH, ...(await disk.readdir(DIRECTORY)).map((name) => `${DIRECTORY}/${name}`)]) {
    const file = await disk.open(path, 'read');
    const bytes = Buffer.alloc((await file.status()).sizeBytes);
    await file.read([bytes], 0);
    await file.close();
    found.set(path, bytes);
  }
  return found;
}

async function diskOf(content: Files): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ clones: true });
  await disk.mkdir(DIRECTORY);
  for (const [path, bytes] of content) {
    const file = await disk.open(path, 'create');
    await file.write([bytes], 0);
    await file.close();
  }
  return disk;
}

beforeAll(async () => {
  const disk = new SimulatedDisk({ clones: true });
  await makeDisk(disk);
  const random = new SeededRandom(1);
  const set = await openSet(disk, random);
  for (let round = 1; round <= 3; round++) {
    await set.device.write([Buffer.alloc(4 * GRAIN, round)], round * 512);
    await set.create({ name: `${round}`, method: round === 2 ? 'reflink' : 'log' });
    await set.device.write([Buffer.alloc(GRAIN, 10 + round)], round * GRAIN);
    await set.device.write([Buffer.alloc(512, 20 + round)], 9 * GRAIN);
  }
  await set.close();
  const again = await openSet(disk, random, undefined, { readOnly: true });
  expected = await snapshotsOf(again);
  await again.close();
  files = await readFiles(disk);
});

/** Where files begin to hold contents of grains, which only `verify` looks at. */
function isContent(path: string, offset: number): boolean {
  if (path.endsWith('.img')) return true;
  if (!path.endsWith('.log') || offset < 4096) return false;
  const bytes = files.get(path)!;
  // Groups: a block of records, and the grains that they say they have.
  const block = Math.floor(offset / 4096) * 4096;
  return bytes.toString('latin1', block, block + 7) !== 'LUNBOX-';
}

/** Opens what was damaged, for writing or reading, and compares everything that can be read. */
async function judge(path: string, damaged: Buffer, readOnly: boolean, mayDiffer: boolean): Promise<string> {
  const disk = await diskOf(new Map([...files, [path, damaged]]));
  const random = new SeededRandom(2);
  try {
    const set = await openSet(disk, random, undefined, { readOnly });
    const found = await snapshotsOf(set);
    if (!mayDiffer) expect(found).toEqual(expected);
    else if (JSON.stringify(found) !== JSON.stringify(expected)) {
      const wrong = [];
      for (const { id, name } of set.list()) {
        const { bad } = await verifySnapshot(set, id);
        if (bad.length > 0) wrong.push(name);
      }
      expect(wrong, 'found by verify').not.toEqual([]);
    }
    await set.close();
    return 'right';
  } catch (error) {
    if (error instanceof SnapshotError || error instanceof BlockError) return error.code;
    throw error;
  }
}

describe.each(['chain', '.log', '.map'])('a damaged %s', (suffix) => {
  const paths = (): string[] => [...files.keys()].filter((path) => path.includes(suffix));

  it(
    'in any byte: everything that is read is right, or there is a typed error',
    { timeout: 240_000 },
    async () => {
      const seen: Record<string, number> = {};
      for (const path of paths()) {
        const bytes = files.get(path)!;
        for (let offset = 0; offset < bytes.length; offset += EVERY) {
          if (suffix === 'chain' && offset % SLOT_BYTES > 2048) continue;
          if (isContent(path, offset)) continue;
          const damaged = Buffer.from(bytes);
          damaged[offset]! ^= 1 << (offset % 8);
          const result = await judge(path, damaged, offset % 2 === 0, false).catch((error: unknown) => {
            throw new Error(`${path}, byte ${offset}`, { cause: error });
          });
          seen[result] = (seen[result] ?? 0) + 1;
        }
      }
      expect(seen['right']).toBeGreaterThan(0);
    },
  );

  it('by ranges that are lost, doubled or cut off: the same', { timeout: 240_000 }, async () => {
    const random = new SeededRandom(3);
    for (let round = 0; round < RANGES; round++) {
      const path = paths()[randomBelow(random, paths().length)]!;
      const damaged = Buffer.from(files.get(path)!);
      // A list has two slots, far apart.
      const slot = damaged.length > SLOT_BYTES ? randomBelow(random, 2) * SLOT_BYTES : 0;
      const offset = slot + randomBelow(random, Math.min(damaged.length - slot, 16 * 4096));
      const length = 1 + randomBelow(random, 5000);
      const kind = randomBelow(random, 3);
      if (kind === 0) damaged.fill(0, offset, Math.min(damaged.length, offset + length));
      else if (kind === 1) damaged.copy(damaged, offset, Math.max(0, offset - length), offset);
      const result = kind === 2 ? damaged.subarray(0, offset) : damaged;
      await judge(path, result, round % 2 === 0, path.endsWith('.log')).catch((error: unknown) => {
        throw new Error(`seed 3, round ${round}: ${path}, ${kind} at ${offset}, ${length}`, { cause: error });
      });
    }
  });
});
