import type { BlockDevice } from '@lunbox/block';
import { connectLun } from '@lunbox/iscsi-initiator';
import { connectNbs, NbsDisk } from '@lunbox/nbs';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { askControl } from '../test/support/ask-control.ts';
import { runOrThrow, startDaemon } from '../test/support/processes.ts';
import { startLunbox } from '../test/support/start-lunbox.ts';
import { fill, median, write as writeByQemu, read as readByQemu, type SnapshotFigure } from './snapshots.ts';

const SIZE_BYTES = 2 ** 30;
const DEPTH = 32;
const ROUNDS = 9;
const KIB = 1024;
/** Far enough from one to the next that nothing is merged, and coprime to the disk: every block has its turn. */
const JUMP_BYTES = 257 * 4 * KIB;
const REQUESTS = 20_000;

/** One way of using a disk. */
interface Load {
  readonly name: string;
  readonly direction: 'read' | 'write';
  readonly ioBytes: number;
  readonly strideBytes: number;
  /** Default: {@link REQUESTS}, or half of the disk. */
  readonly requests?: number;
  /** The least that NBS reaches, as a ratio to iSCSI. */
  readonly bar?: number;
}

const LOADS: readonly Load[] = [
  { name: '4 KiB random reads', direction: 'read', ioBytes: 4 * KIB, strideBytes: JUMP_BYTES, bar: 1.3 },
  { name: '4 KiB random writes', direction: 'write', ioBytes: 4 * KIB, strideBytes: JUMP_BYTES, bar: 1.3 },
  {
    name: '4 KiB random writes of 480 MiB',
    direction: 'write',
    ioBytes: 4 * KIB,
    strideBytes: JUMP_BYTES,
    requests: 6 * REQUESTS,
  },
  { name: '4 KiB sequential reads', direction: 'read', ioBytes: 4 * KIB, strideBytes: 4 * KIB, bar: 1.3 },
  { name: '4 KiB sequential writes', direction: 'write', ioBytes: 4 * KIB, strideBytes: 4 * KIB, bar: 1.3 },
  { name: '256 KiB sequential reads', direction: 'read', ioBytes: 256 * KIB, strideBytes: 256 * KIB },
  { name: '256 KiB sequential writes', direction: 'write', ioBytes: 256 * KIB, strideBytes: 256 * KIB },
];

/** Requests in a second, {@link DEPTH} of them under way. What was written is made durable before and after. */
async function perSecond(device: BlockDevice, load: Load): Promise<number> {
  const { direction, ioBytes, strideBytes } = load;
  const count = load.requests ?? Math.min(REQUESTS, SIZE_BYTES / ioBytes / 2);
  let next = 0;
  const work = async (): Promise<void> => {
    const buffers = [new Uint8Array(ioBytes).fill(1)];
    while (next < count) {
      const offset = (next++ * strideBytes) % (SIZE_BYTES - ioBytes + 4 * KIB);
      const at = offset - (offset % (4 * KIB));
      await (direction === 'read' ? device.read(buffers, at) : device.write(buffers, at));
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: DEPTH }, work));
  const durationMs = performance.now() - startMs;
  // Whoever comes next must not pay for it.
  await device.flush();
  return (count / durationMs) * 1000;
}

/** Two things measured in turn, so that what else the machine does hits both. */
async function inTurn(
  one: () => Promise<number>,
  other: () => Promise<number>,
): Promise<readonly [one: number, other: number, ratio: number]> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < ROUNDS; round++) pairs.push([await one(), await other()]);
  const ratio = median(pairs.map(([a, b]) => a / b));
  return [median(pairs.map(([a]) => a)), median(pairs.map(([, b]) => b)), ratio];
}

/** NBS and iSCSI to one disk, over TCP, by our clients in this process. */
async function nbsFigures(url: string, portal: string): Promise<SnapshotFigure[]> {
  const [host = '', port] = portal.split(':');
  const client = await connectNbs({ portals: [{ host, port: Number(port) }] });
  const nbs = await NbsDisk.open(client, { name: 'disk', shared: true });
  const iscsi = await connectLun(url);
  try {
    const figures: SnapshotFigure[] = [];
    for (const load of LOADS) {
      const [ours, theirs, ratio] = await inTurn(
        () => perSecond(nbs, load),
        () => perSecond(iscsi, load),
      );
      const unit = load.direction === 'read' ? 'reads/s' : 'writes/s';
      figures.push({ name: `NBS, ${load.name}`, value: ours, unit });
      figures.push({ name: `iSCSI, ${load.name}`, value: theirs, unit });
      const bar = load.bar === undefined ? {} : { bar: load.bar };
      figures.push({ name: 'NBS to iSCSI', value: ratio, unit: '×', ...bar });
    }
    return figures;
  } finally {
    await iscsi.close();
    await nbs.close();
    await client.close();
  }
}

/** A raw image of the same size, served by `qemu-nbd`. */
async function withQemuNbd<T>(directory: string, work: (url: string) => Promise<T>): Promise<T> {
  const [image, socket] = [join(directory, 'qemu.raw'), join(directory, 'qemu.sock')];
  await runOrThrow('qemu-img', ['create', '-q', '-f', 'raw', image, String(SIZE_BYTES)]);
  const probe = (): Promise<boolean> =>
    Promise.resolve(statSync(socket, { throwIfNoEntry: false }) !== undefined);
  const args = ['-f', 'raw', '--cache=writeback', '--persistent', '-k', socket, image];
  const daemon = await startDaemon('qemu-nbd', args, { probe });
  try {
    return await work(`nbd+unix:///?socket=${socket}`);
  } finally {
    await daemon.end('SIGTERM');
  }
}

/** NBD of ours and of QEMU over UNIX sockets, by `qemu-img bench`. */
async function nbdFigures(ours: string, theirs: string): Promise<SnapshotFigure[]> {
  await fill(theirs);
  const figures: SnapshotFigure[] = [];
  for (const [name, unit, measure] of [
    ['4 KiB reads', 'reads/s', readByQemu],
    ['4 KiB writes', 'writes/s', writeByQemu],
  ] as const) {
    const [own, others, ratio] = await inTurn(
      () => measure(ours),
      () => measure(theirs),
    );
    figures.push({ name: `NBD, ${name}`, value: own, unit });
    figures.push({ name: `qemu-nbd, ${name}`, value: others, unit });
    figures.push({ name: 'NBD to qemu-nbd', value: ratio, unit: '×', bar: 0.8 });
  }
  return figures;
}

/** Measures NBS beside iSCSI, and NBD beside `qemu-nbd`, on files in one directory that are in the page cache. */
export async function measureFronts(
  directory: string,
  onStep: (text: string) => void,
): Promise<SnapshotFigure[]> {
  const [control, socket] = [join(directory, 'control.sock'), join(directory, 'nbd.sock')];
  const serveFlags = ['--control', control, '--nbs', '127.0.0.1:0', '--nbd', `unix:${socket}`];
  const target = await startLunbox({ directory, sizeBytes: SIZE_BYTES, compiled: true, serveFlags });
  try {
    await fill(target.url);
    onStep('fronts: NBS and iSCSI');
    const status = (await askControl(control, { verb: 'status' })) as { readonly nbsPortals: string[] };
    const nbs = await nbsFigures(target.url, status.nbsPortals[0] ?? '');
    onStep('fronts: NBD and qemu-nbd');
    const ours = `nbd+unix:///disk?socket=${socket}`;
    return [...nbs, ...(await withQemuNbd(directory, (theirs) => nbdFigures(ours, theirs)))];
  } finally {
    await target.stop();
  }
}
