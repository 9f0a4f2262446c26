/**
 * What one request to a file device costs, by way: on the event loop, on the thread pool, with and without the
 * native calls. Run: `node --import tsx --conditions=@lunbox/source packages/block/bench/file-device.ts [directory …]`
 */
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileDevice } from '../src/index.ts';
import { createRealDisk, openFileDevice, SeededRandom, type MaybePromise } from '../src/index.ts';

const FILE_BYTES = 256 << 20;
const BLOCK = 4096;
const DEPTH = 32;

type Request = (device: FileDevice, buffers: readonly Uint8Array[], offset: number) => MaybePromise<void>;

const read: Request = (device, buffers, offset) => device.read(buffers, offset);
const write: Request = (device, buffers, offset) => device.write(buffers, offset);

interface Measured {
  readonly microseconds: number;
  /** Longest time that one request kept the event loop, in milliseconds. */
  readonly longestMs: number;
  /** Share of the requests that completed without a promise. */
  readonly atOnce: number;
}

/** Random requests, `DEPTH` at a time, until `count` are done. */
async function measure(
  device: FileDevice,
  request: Request,
  lengthBytes: number,
  count: number,
): Promise<Measured> {
  const random = new SeededRandom(7);
  const blocks = device.size / lengthBytes;
  let left = count;
  let atOnce = 0;
  let longestMs = 0;
  const worker = async (): Promise<void> => {
    const buffers = [Buffer.alloc(lengthBytes, 7)];
    while (left-- > 0) {
      const offset = Math.floor((random.uint32() / 2 ** 32) * blocks) * lengthBytes;
      const askedMs = performance.now();
      const result = request(device, buffers, offset);
      longestMs = Math.max(longestMs, performance.now() - askedMs);
      if (result === undefined) atOnce++;
      else await result;
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: DEPTH }, worker));
  return { microseconds: ((performance.now() - start) * 1000) / count, atOnce: atOnce / count, longestMs };
}

async function fill(path: string): Promise<void> {
  const file = await open(path, 'wx');
  for (let at = 0; at < FILE_BYTES; at += 1 << 20) await file.write(Buffer.alloc(1 << 20, at >> 20));
  await file.sync();
  await file.close();
}

async function benchDirectory(parent: string): Promise<void> {
  const directory = await mkdtemp(join(parent, 'lunbox-bench-'));
  const path = join(directory, 'disk');
  try {
    await fill(path);
    for (const native of [true, false]) {
      const device = await openFileDevice({ disk: createRealDisk({ native }), path, blockSize: BLOCK });
      const cases: [string, Request, number, number][] = [
        ['read 4 KiB', read, BLOCK, 200_000],
        ['read 64 KiB', read, 16 * BLOCK, 20_000],
        ['write 4 KiB, a burst', write, BLOCK, 8000],
        ['write 4 KiB, sustained', write, BLOCK, 60_000],
        ['write 128 KiB', write, 32 * BLOCK, 2000],
      ];
      for (const [name, request, length, count] of cases) {
        await device.flush();
        const { microseconds, atOnce, longestMs } = await measure(device, request, length, count);
        const share = `${(atOnce * 100).toFixed(0)} % at once, longest ${longestMs.toFixed(1)} ms`;
        console.log(`${parent}  native ${native}  ${name}: ${microseconds.toFixed(2)} µs, ${share}`);
      }
      await device.close();
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}

const asked = process.argv.slice(2);
const parents = asked.length > 0 ? asked : [tmpdir(), '/dev/shm'].filter((path) => existsSync(path));
for (const parent of parents) await benchDirectory(parent);
