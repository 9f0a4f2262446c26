import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { askControl } from '../test/support/ask-control.ts';
import { runOrThrow } from '../test/support/processes.ts';
import { startLunbox } from '../test/support/start-lunbox.ts';
import type { TargetUnderTest } from '../test/support/target-under-test.ts';
import { fill, median, write, type SnapshotFigure } from './snapshots.ts';

type Method = 'log' | 'reflink';

const GIB = 2 ** 30;
/** Pieces of 4 KiB with 4 KiB of nothing behind each: as many extents. */
const PIECES = 100_000;
const ROUNDS = 5;

/** A served disk, and how long it takes to take a snapshot of it. */
interface Served {
  readonly url: string;
  takeMs(method: Method): Promise<number>;
}

async function withDisk(
  directory: string,
  name: string,
  sizeBytes: number,
  work: (disk: Served) => Promise<void>,
): Promise<void> {
  const path = join(directory, name);
  mkdirSync(path);
  const socket = join(path, 'control.sock');
  const serveFlags = ['--control', socket];
  const target: TargetUnderTest = await startLunbox({
    directory: path,
    sizeBytes,
    compiled: true,
    serveFlags,
  });
  const takeMs = async (method: Method): Promise<number> => {
    const startMs = performance.now();
    await askControl(socket, { verb: 'snap-create', lun: 0, method });
    return performance.now() - startMs;
  };
  try {
    await work({ url: target.url, takeMs });
  } finally {
    await target.stop();
    rmSync(path, { recursive: true });
  }
}

const rounds = async (measure: () => Promise<number>): Promise<number> => {
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round++) values.push(await measure());
  return median(values);
};

async function takenBytes(directory: string): Promise<number> {
  await runOrThrow('sync', ['-f', directory]);
  const { bavail, bsize } = statfsSync(directory);
  return -bavail * bsize;
}

/** A disk that is written all over, a snapshot of it, and a 4 KiB write into each of its grains. */
async function writeFigures(directory: string, method: Method): Promise<SnapshotFigure[]> {
  const figures: SnapshotFigure[] = [];
  const add = (name: string, value: number, unit: SnapshotFigure['unit']): number =>
    figures.push({ name: `${method}: ${name}`, value, unit });
  await withDisk(directory, method, GIB, async ({ url, takeMs }) => {
    await fill(url);
    add('4 KiB writes without a snapshot', await rounds(() => write(url)), 'writes/s');
    const before = await takenBytes(directory);
    add('taking the first, 1 GiB written', await takeMs(method), 'ms');
    add('first writes', await write(url), 'writes/s');
    add('space of it then', ((await takenBytes(directory)) - before) / 2 ** 20, 'MiB');
    add('writes after that', await rounds(() => write(url)), 'writes/s');
    add('taking the second', await takeMs(method), 'ms');
    add('first writes after the second', await write(url), 'writes/s');
  });
  return figures;
}

/** Measures both in one directory. Throws where its file system cannot share space. */
export async function measureReflink(
  directory: string,
  onStep: (text: string) => void,
): Promise<SnapshotFigure[]> {
  const figures: SnapshotFigure[] = [];
  for (const method of ['log', 'reflink'] as const) {
    onStep(`${method}: writes`);
    figures.push(...(await writeFigures(directory, method)));
    onStep(`${method}: creation`);
    await withDisk(directory, 'thin', 64 * GIB, async ({ url, takeMs }) => {
      await write(url, 64);
      const value = await rounds(() => takeMs(method));
      figures.push({ name: `${method}: taking one of 64 GiB, thin`, value, unit: 'ms' });
    });
    await withDisk(directory, 'pieces', GIB, async ({ url, takeMs }) => {
      await write(url, PIECES, 8192);
      const value = await takeMs(method);
      figures.push({ name: `${method}: taking one of ${PIECES} extents`, value, unit: 'ms' });
    });
  }
  return figures;
}
