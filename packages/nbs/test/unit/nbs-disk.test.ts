import { BlockError, MemoryDevice, type BlockDevice } from '@lunbox/block';
import { blockDeviceCompliance } from '@lunbox/block/compliance';
import { expect, it, vi } from 'vitest';
import { connectNbs, NbsDisk, NbsServer } from '../../src/index.ts';
import { BufferPool } from '../../src/codec/slab.ts';
import { MemoryService } from '../support/memory-service.ts';

/** A device that is served, as its client sees it. */
async function serve(
  device: BlockDevice,
  unflushedLimitBytes?: number,
): Promise<{ device: NbsDisk; dispose(): Promise<void> }> {
  const service = new MemoryService([{ name: 'disk', uuid: '11111111-1111-4111-8111-111111111111', device }]);
  const server = new NbsServer({ service, authentication: { anonymous: true } });
  const [host = '', port] = (await server.listen({ host: '127.0.0.1', port: 0 })).split(':');
  const client = await connectNbs({ portals: [{ host, port: Number(port) }] });
  const limit = unflushedLimitBytes === undefined ? {} : { unflushedLimitBytes };
  return {
    device: await NbsDisk.open(client, { name: 'disk', ...limit }),
    async dispose() {
      await client.close();
      await server.close();
    },
  };
}

blockDeviceCompliance({
  name: 'NbsDisk',
  create: () => serve(new MemoryDevice({ size: 1 << 24 })),
  test: (title, fn) => {
    it(title, fn);
  },
});

it('makes durable what it keeps when that is much, and gives every write its own bytes meanwhile', async () => {
  const memory = new MemoryDevice({ size: 1 << 24 });
  let flushes = 0;
  const flush = memory.flush.bind(memory);
  memory.flush = () => {
    flushes++;
    return flush();
  };
  const { device, dispose } = await serve(memory, 1 << 20);
  const write = async (at: number): Promise<void> =>
    await device.write([new Uint8Array(4096).fill(at)], at * 4096);
  for (let first = 0; first < 4096; first += 32)
    await Promise.all(Array.from({ length: 32 }, (_, index) => write(first + index)));
  // 16 MiB, from half a MiB on.
  expect(flushes).toBeGreaterThan(16);
  const found = Buffer.alloc(4096);
  for (let at = 0; at < 4096; at++) {
    await memory.read([found], at * 4096);
    expect(found.equals(Buffer.alloc(4096, at))).toBe(true);
  }
  await dispose();
});

it('writes and reads what comes in many pieces, longer than a payload', async () => {
  const memory = new MemoryDevice({ size: 1 << 24 });
  const { device, dispose } = await serve(memory);
  const bytes = Buffer.from(Array.from({ length: 3 << 20 }, (_, at) => (at * 7) >> 3));
  const cut = (whole: Buffer): Buffer[] => [
    whole.subarray(0, 512),
    whole.subarray(512, 700_000),
    whole.subarray(700_000),
  ];
  await device.write(cut(bytes), 4096);
  const found = Buffer.alloc(bytes.length);
  await device.read(cut(found), 4096);
  expect(found.equals(bytes)).toBe(true);
  await dispose();
});

it.each(['at once', 'later'])('gives memory back for reads that fail %s, and for all else', async (when) => {
  const taken = vi.spyOn(BufferPool.prototype, 'take');
  const given = vi.spyOn(BufferPool.prototype, 'give');
  const memory = new MemoryDevice({ size: 1 << 24 });
  memory.read = () => {
    const error = new BlockError('BLOCK_IO', 'a bad medium');
    if (when === 'later') return Promise.reject(error);
    throw error;
  };
  const { device, dispose } = await serve(memory);
  for (let at = 0; at < 3; at++)
    await expect(device.read([new Uint8Array(65_536)], at * 65_536)).rejects.toMatchObject({
      code: 'BLOCK_IO',
    });
  await dispose();
  const back = new Set(given.mock.calls.map(([bytes]) => bytes));
  const results = taken.mock.results.map(({ value }) => value as Uint8Array);
  expect(results.filter(({ length }) => length > 65_536)).toHaveLength(3);
  expect(results.filter((bytes) => !back.has(bytes))).toEqual([]);
  vi.restoreAllMocks();
});
