import type { BlockDevice } from '../block-device.ts';
import { assertBytes, assertRefused, pattern, readBack, type Rules } from './suite.ts';

type RangeCall = (device: BlockDevice, offset: number, length: number) => unknown;

/** Every operation that takes a range. */
const RANGE_CALLS: readonly RangeCall[] = [
  (device, offset, length) => device.read([new Uint8Array(length)], offset),
  (device, offset, length) => device.write([new Uint8Array(length)], offset),
  (device, offset, length) => device.unmap(offset, length),
  (device, offset, length) => device.writeZeroes(offset, length),
  (device, offset, length) => device.extents(offset, length),
];

/** Ranges that are no ranges of the device. */
export const boundaryRules: Rules = {
  'a range that leaves the device is refused with BLOCK_OUT_OF_RANGE': async ({ device }) => {
    const { blockSize, size } = device;
    for (const call of RANGE_CALLS) {
      await assertRefused('BLOCK_OUT_OF_RANGE', () => call(device, size, blockSize));
      await assertRefused('BLOCK_OUT_OF_RANGE', () => call(device, size - blockSize, 2 * blockSize));
      await assertRefused('BLOCK_OUT_OF_RANGE', () => call(device, -blockSize, blockSize));
      await assertRefused('BLOCK_OUT_OF_RANGE', () => call(device, 2 ** 52, blockSize));
    }
  },
  'a range that is not in whole blocks is refused with BLOCK_UNALIGNED': async ({ device }) => {
    const { blockSize } = device;
    for (const call of RANGE_CALLS) {
      await assertRefused('BLOCK_UNALIGNED', () => call(device, 1, blockSize));
      await assertRefused('BLOCK_UNALIGNED', () => call(device, 0, blockSize - 1));
      await assertRefused('BLOCK_UNALIGNED', () => call(device, Number.NaN, blockSize));
      await assertRefused('BLOCK_UNALIGNED', () => call(device, blockSize / 2, blockSize));
    }
  },
  'a refused write changes nothing': async ({ device }) => {
    const { blockSize, size } = device;
    const before = pattern(blockSize, 1);
    await device.write([before], size - blockSize);
    const call = (): unknown => device.write([pattern(2 * blockSize, 2)], size - blockSize);
    await assertRefused('BLOCK_OUT_OF_RANGE', call);
    assertBytes(await readBack(device, size - blockSize, blockSize), before, 'the last block');
  },
  'a length of zero is allowed and does nothing': async ({ device }) => {
    const { blockSize, size } = device;
    const before = pattern(blockSize, 3);
    await device.write([before], 0);
    for (const offset of [0, size]) {
      for (const call of RANGE_CALLS) await call(device, offset, 0);
      await device.write([], offset);
      await device.read([], offset);
    }
    assertBytes(await readBack(device, 0, blockSize), before, 'the first block');
  },
};
