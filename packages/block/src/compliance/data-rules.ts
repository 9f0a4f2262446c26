import assert from 'node:assert/strict';
import { assertBytes, pattern, readBack, type Rules } from './suite.ts';

/** Reads return what was written. */
export const dataRules: Rules = {
  'capacity is in whole blocks and a fresh device reads as zeroes': async ({ device }) => {
    assert.equal(device.size % device.blockSize, 0);
    assert.ok(device.size >= 1 << 20, 'the suite needs 1 MiB');
    const length = 1 << 20;
    assertBytes(await readBack(device, 0, length), new Uint8Array(length), 'a fresh device');
  },
  'a read returns what was written, at every alignment': async ({ device }) => {
    const { blockSize } = device;
    const blocks = Math.min(16, device.size / blockSize);
    for (let start = 0; start < blocks; start++) {
      for (let count = 1; start + count <= blocks; count += 3) {
        const bytes = pattern(count * blockSize, start * 17 + count);
        await device.write([bytes], start * blockSize);
        const what = `${count} blocks from block ${start}`;
        assertBytes(await readBack(device, start * blockSize, bytes.length), bytes, what);
      }
    }
  },
  'the first and the last block are usable': async ({ device }) => {
    const { blockSize, size } = device;
    for (const offset of [0, size - blockSize]) {
      const bytes = pattern(blockSize, offset % 251);
      await device.write([bytes], offset);
      assertBytes(await readBack(device, offset, blockSize), bytes, `the block at ${offset}`);
    }
  },
  'buffers are gathered and scattered in order, whatever their lengths': async ({ device }) => {
    const { blockSize } = device;
    const bytes = pattern(8 * blockSize, 5);
    const cuts = [0, 1, 65, 65, blockSize, 3 * blockSize + 7, 8 * blockSize - 1, 8 * blockSize];
    const parts = cuts.slice(1).map((cut, index) => bytes.slice(cuts[index], cut));
    await device.write(parts, blockSize);
    assertBytes(await readBack(device, blockSize, bytes.length), bytes, 'gathered');
    const into = parts.map((part) => new Uint8Array(part.length).fill(0x5a));
    await device.read(into, blockSize);
    assertBytes(Buffer.concat(into), bytes, 'scattered');
  },
  'a thousand buffers and more are one request': async ({ device }) => {
    const { blockSize } = device;
    const bytes = pattern(4096 * Math.ceil(blockSize / 512), 9);
    const parts = Array.from({ length: 2048 }, (_, index) => {
      const length = bytes.length / 2048;
      return bytes.slice(index * length, (index + 1) * length);
    });
    await device.write(parts, 0);
    const into = parts.map((part) => new Uint8Array(part.length));
    await device.read(into, 0);
    assertBytes(Buffer.concat(into), bytes, '2048 buffers');
  },
  'a write leaves its neighbours alone': async ({ device }) => {
    const { blockSize } = device;
    const bytes = pattern(3 * blockSize, 11);
    await device.write([bytes], 0);
    const middle = pattern(blockSize, 12);
    await device.write([middle], blockSize);
    bytes.set(middle, blockSize);
    assertBytes(await readBack(device, 0, bytes.length), bytes, 'three blocks');
  },
  'a large request is done whole': async ({ device }) => {
    const { blockSize, size } = device;
    const length = Math.floor(Math.min(size - blockSize, 6 << 20) / blockSize) * blockSize;
    const bytes = pattern(length, 13);
    await device.write([bytes], blockSize);
    assertBytes(await readBack(device, blockSize, length), bytes, `${length} bytes`);
  },
  'requests in flight that do not overlap do not disturb each other': async ({ device }) => {
    const { blockSize } = device;
    const starts = Array.from({ length: 64 }, (_, index) => index * 3 * blockSize);
    await Promise.all(
      starts.map(async (start) => device.write([pattern(2 * blockSize, start % 253)], start)),
    );
    const read = await Promise.all(starts.map((start) => readBack(device, start, 3 * blockSize)));
    starts.forEach((start, index) => {
      const expected = new Uint8Array(3 * blockSize);
      expected.set(pattern(2 * blockSize, start % 253));
      assertBytes(read[index] as Uint8Array, expected, `the range at ${start}`);
    });
  },
  'forced unit access and flush complete and keep the data': async ({ device }) => {
    const { blockSize } = device;
    await device.flush();
    const bytes = pattern(4 * blockSize, 15);
    await device.write([bytes.subarray(0, blockSize)], 0, { fua: true });
    await device.write([bytes.subarray(blockSize)], blockSize);
    const [first, second] = [device.flush(), device.flush()];
    await first;
    await second;
    await device.flush();
    assertBytes(await readBack(device, 0, bytes.length), bytes, 'after the flush');
  },
};
