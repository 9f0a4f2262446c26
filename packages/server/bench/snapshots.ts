import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { askControl } from '../test/support/ask-control.ts';
import { runOrThrow, startDaemon } from '../test/support/processes.ts';
import { lunbox, startLunbox } from '../test/support/start-lunbox.ts';

/** One line of the table. */
export interface SnapshotFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | 'writes/s' | 'reads/s' | 'MiB' | '×';
  /** The most, or for rates and ratios the least, that is good enough. */
  readonly bar?: number;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const DISK_BYTES = GIB;
/** Each write goes to a grain, and to a cluster of qcow2, of its own. */
const STRIDE = 65_536;
const DEPTH = 32;
const GRAINS = DISK_BYTES / STRIDE;
const TIB = 2 ** 40;
/** ext4 has no larger files. */
const LARGEST_BYTES = 15 * TIB;
/** A file system in memory has: what size does to the time is seen there too. */
const MEMORY_PATH = '/dev/shm';
const LARGEST_IN_MEMORY_BYTES = 64 * TIB;
const CREATIONS = 9;
const ROUNDS = 7;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

/** QEMU's own load generator, the same for both: `count` requests, each a stride after the one before. */
async function perSecond(
  url: string,
  count: number,
  flags: readonly string[],
  stride = STRIDE,
): Promise<number> {
  const shape = ['-c', String(count), '-d', String(DEPTH), '-s', '4096', '-S', String(stride)];
  const args = ['bench', ...flags, '-f', 'raw', '-t', 'writeback', ...shape, url];
  const text = await runOrThrow('qemu-img', args, { timeoutMs: 300_000 });
  return count / Number(/completed in ([\d.]+) seconds/.exec(text)?.[1]);
}

export const write = (url: string, count: number = GRAINS, stride: number = STRIDE): Promise<number> =>
  perSecond(url, count, ['-w'], stride);
export const read = (url: string): Promise<number> => perSecond(url, GRAINS, []);

/** Writes all of a disk, so that every place has something to keep. */
export function fill(url: string): Promise<string> {
  const args = ['bench', '-w', '-f', 'raw', '-t', 'writeback', '--pattern=165', '-s', String(MIB), '-d', '4'];
  return runOrThrow('qemu-img', [...args, '-c', String(DISK_BYTES / MIB), url], { timeoutMs: 300_000 });
}

/** How long it takes to take a snapshot of a disk that is served, which nobody uses. */
async function creationMs(directory: string, sizeBytes: number): Promise<number> {
  const socket = join(directory, `control-${sizeBytes}.sock`);
  const fileName = `thin-${sizeBytes}.lun`;
  const serveFlags = ['--control', socket];
  const target = await startLunbox({ directory, sizeBytes, fileName, compiled: true, serveFlags });
  try {
    const times: number[] = [];
    for (let round = 0; round < CREATIONS; round++) {
      const startMs = performance.now();
      await askControl(socket, { verb: 'snap-create', lun: 0 });
      times.push(performance.now() - startMs);
    }
    return median(times);
  } finally {
    await target.stop();
  }
}

/**
 * Rates of two served disks, of which one has a snapshot, in turn; then what it costs to read that and to be rid of
 * one.
 */
async function lunboxFigures(directory: string): Promise<Map<string, number>> {
  const figures = new Map<string, number>();
  const socket = join(directory, 'control.sock');
  const serveFlags = ['--control', socket];
  const options = { directory, sizeBytes: DISK_BYTES, compiled: true };
  const target = await startLunbox({ ...options, serveFlags });
  const plain = await startLunbox({ ...options, fileName: 'plain.lun' });
  try {
    for (const { url } of [plain, target]) {
      await fill(url);
      await write(url);
    }
    await askControl(socket, { verb: 'snap-create', lun: 0, name: 'one' });
    figures.set('first', await write(target.url));
    const [without, steady]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      without.push(await write(plain.url));
      steady.push(await write(target.url));
    }
    figures.set('without', median(without)).set('steady', median(steady));
    figures.set('read disk', await read(target.url));
    const opened = (await askControl(socket, { verb: 'snap-open', lun: 0, snapshot: 'one' })) as {
      url: string;
    };
    figures.set('read snapshot', await read(opened.url));
    await askControl(socket, { verb: 'snap-close', lun: 0, snapshot: 'one' });
    await askControl(socket, { verb: 'snap-create', lun: 0, name: 'two' });
    await write(target.url, GRAINS / 2);
    await askControl(socket, { verb: 'snap-create', lun: 0, name: 'three' });
    await write(target.url, GRAINS / 2);
    const startMs = performance.now();
    await askControl(socket, { verb: 'snap-rm', lun: 0, snapshot: 'two' });
    figures.set('delete', performance.now() - startMs);
  } finally {
    await target.stop();
    await plain.stop();
  }
  return figures;
}

/** The same writes to a qcow2 with an internal snapshot, served by `qemu-nbd` from the same directory. */
async function qcow2Figures(directory: string): Promise<{ readonly first: number; readonly steady: number }> {
  const image = join(directory, 'disk.qcow2');
  const socket = join(directory, 'nbd.sock');
  await runOrThrow('qemu-img', ['create', '-q', '-f', 'qcow2', image, String(DISK_BYTES)]);
  const url = `nbd+unix:///?socket=${socket}`;
  const served = async (work: () => Promise<number>): Promise<number> => {
    const args = ['-f', 'qcow2', '--cache=writeback', '--persistent', '-k', socket, image];
    const probe = async (): Promise<boolean> => {
      await Promise.resolve();
      return statSync(socket, { throwIfNoEntry: false }) !== undefined;
    };
    const daemon = await startDaemon('qemu-nbd', args, { probe });
    try {
      return await work();
    } finally {
      await daemon.end('SIGTERM');
    }
  };
  await served(async () => {
    await fill(url);
    return write(url);
  });
  await runOrThrow('qemu-img', ['snapshot', '-c', 'one', image]);
  let steady = NaN;
  const first = await served(async () => {
    const rate = await write(url);
    steady = median([await write(url), await write(url), await write(url)]);
    return rate;
  });
  return { first, steady };
}

/** Opening a disk with a hundred snapshots that have saved something each. */
async function openMs(directory: string): Promise<number> {
  const file = join(directory, 'hundred.lun');
  const socket = join(directory, 'hundred.sock');
  const serveFlags = ['--control', socket];
  const options = { directory, sizeBytes: GIB, fileName: 'hundred.lun', compiled: true, serveFlags };
  const target = await startLunbox(options);
  try {
    for (let round = 0; round < 100; round++) {
      await askControl(socket, { verb: 'snap-create', lun: 0, name: `s${round}` });
      await write(target.url, 256);
    }
  } finally {
    await target.stop();
  }
  const listed = async (): Promise<number> => {
    const startMs = performance.now();
    const { status, output } = await lunbox(['snap', 'ls', file, '--json']);
    if (status !== 0) throw new Error(output);
    return performance.now() - startMs;
  };
  const startMs = performance.now();
  await lunbox(['--version']);
  // The start of Node and of the command line is not what is measured.
  const overheadMs = performance.now() - startMs;
  return median([await listed(), await listed(), await listed()]) - overheadMs;
}

/** Measures all of it; both sides in one run, in one directory, in turn. */
export async function measureSnapshots(
  directory: string,
  onStep: (text: string) => void,
): Promise<SnapshotFigure[]> {
  const part = (name: string): string => {
    onStep(`snapshots: ${name}`);
    const path = join(directory, name.replaceAll(' ', '-'));
    mkdirSync(path);
    return path;
  };
  const small = await creationMs(part('creation small'), GIB);
  const large = await creationMs(part('creation large'), LARGEST_BYTES);
  const inMemory = mkdtempSync(join(MEMORY_PATH, 'lunbox-bench-'));
  const largest = await creationMs(inMemory, LARGEST_IN_MEMORY_BYTES).finally(() => {
    rmSync(inMemory, { recursive: true });
  });
  const ours = await lunboxFigures(part('lunbox'));
  const qcow2 = await qcow2Figures(part('qcow2'));
  const hundred = await openMs(part('hundred'));
  const of = (name: string): number => ours.get(name) ?? NaN;
  return [
    { name: 'taking a snapshot of 1 GiB', value: small, unit: 'ms', bar: 100 },
    { name: 'taking a snapshot of 15 TiB, thin', value: large, unit: 'ms', bar: 100 },
    { name: 'taking one of 64 TiB, thin, in memory', value: largest, unit: 'ms', bar: 100 },
    { name: 'opening a disk with 100 snapshots', value: hundred, unit: 'ms', bar: 1000 },
    { name: '4 KiB writes without a snapshot', value: of('without'), unit: 'writes/s' },
    { name: '4 KiB first writes after a snapshot', value: of('first'), unit: 'writes/s' },
    { name: 'qcow2: first writes after a snapshot', value: qcow2.first, unit: 'writes/s' },
    { name: 'first writes, to qcow2', value: of('first') / qcow2.first, unit: '×', bar: 1 },
    { name: '4 KiB writes once all is saved', value: of('steady'), unit: 'writes/s' },
    { name: 'once all is saved, to no snapshot', value: of('steady') / of('without'), unit: '×', bar: 0.9 },
    { name: 'qcow2: writes once all is copied', value: qcow2.steady, unit: 'writes/s' },
    { name: '4 KiB reads of the disk', value: of('read disk'), unit: 'reads/s' },
    { name: '4 KiB reads of the snapshot', value: of('read snapshot'), unit: 'reads/s' },
    { name: 'deleting one in the middle, 512 MiB', value: of('delete'), unit: 'ms' },
  ];
}

/** The table, with a mark where a bar is missed. */
export function formatSnapshots(figures: readonly SnapshotFigure[]): string {
  return figures
    .map(({ name, value, unit, bar }) => {
      const met = bar === undefined || (unit === 'ms' ? value <= bar : value >= bar);
      const digits = unit === '×' ? 2 : value < 100 ? 1 : 0;
      const wanted = bar === undefined ? '' : `  bar ${bar}${met ? '' : '  MISSED'}`;
      return `${name.padEnd(40)}${value.toFixed(digits).padStart(10)} ${unit}${wanted}`;
    })
    .join('\n');
}
