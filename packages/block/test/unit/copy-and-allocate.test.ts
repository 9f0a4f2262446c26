import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRealDisk, realDisk, SimulatedDisk, type Disk } from '../../src/index.ts';
import { nativeCalls } from '../../src/real/native.ts';
import { temporaryDirectory } from '../support/compliance.ts';

const MIB = 1 << 20;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeEach(async () => {
  directory = await temporaryDirectory(tmpdir());
});
afterEach(() => directory.remove());

const DISKS: [string, Disk, () => string][] = [
  ['simulated', new SimulatedDisk(), () => '/'],
  ...(nativeCalls() === undefined
    ? []
    : [['real', realDisk, () => directory.path] satisfies (typeof DISKS)[0]]),
];

describe.each(DISKS)('a file of a %s disk', (_name, disk, place) => {
  it('takes space within its size and keeps what it holds', async () => {
    const file = await disk.open(join(place(), 'allocated'), 'create');
    await file.truncate(4 * MIB);
    await file.write([Buffer.alloc(4096, 7)], MIB);
    const before = (await file.status()).allocatedBytes;
    expect(await file.allocate(0, 4 * MIB)).toBe(true);
    const { allocatedBytes, sizeBytes } = await file.status();
    expect(before).toBeLessThan(MIB);
    expect(allocatedBytes).toBeGreaterThanOrEqual(4 * MIB);
    expect(sizeBytes).toBe(4 * MIB);
    const found = Buffer.alloc(8192, 1);
    await file.read([found], MIB);
    expect(found.equals(Buffer.concat([Buffer.alloc(4096, 7), Buffer.alloc(4096)]))).toBe(true);
    await file.close();
  });

  it('copies from another file, from and to any offset, up to its end', async () => {
    const source = await disk.open(join(place(), 'source'), 'create');
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    await source.write([bytes], 0);
    const target = await disk.open(join(place(), 'target'), 'create');
    await target.truncate(MIB);
    let done = 0;
    for (let step: number | undefined; step !== 0; done += step) {
      step = (await target.copyFrom(source, 1000 + done, 7 + done, 500_000)) ?? 0;
    }
    expect(done).toBe(299_000);
    const found = Buffer.alloc(299_000);
    await target.read([found], 7);
    expect(found.equals(bytes.subarray(1000))).toBe(true);
    await source.close();
    await expect((async () => target.copyFrom(source, 0, 0, 1))()).rejects.toMatchObject({ code: 'EBADF' });
    await target.close();
  });
});

describe('without native calls', () => {
  it('space is not taken and nothing is copied, and that is said', async () => {
    const disk = createRealDisk({ native: false });
    const file = await disk.open(join(directory.path, 'file'), 'create');
    await file.write([Buffer.alloc(4096, 1)], 0);
    expect(await file.allocate(0, 4096)).toBe(false);
    expect(await file.copyFrom(file, 0, 4096, 4096)).toBeUndefined();
    await file.close();
  });
});
