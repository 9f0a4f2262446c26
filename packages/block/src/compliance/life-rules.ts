import assert from 'node:assert/strict';
import { isPromise, type MaybePromise } from '../block-device.ts';
import { yieldTurn } from '../maybe-promise.ts';
import { assertBytes, assertRefused, pattern, readBack, type Rules } from './suite.ts';

/** Closing and changing size. */
export const lifeRules: Rules = {
  'a closed device refuses everything with BLOCK_CLOSED, and close is idempotent': async ({ device }) => {
    const { blockSize } = device;
    await device.write([pattern(blockSize, 31)], 0);
    await device.close();
    await device.close();
    const block = new Uint8Array(blockSize);
    await assertRefused('BLOCK_CLOSED', () => device.read([block], 0));
    await assertRefused('BLOCK_CLOSED', () => device.write([block], 0));
    await assertRefused('BLOCK_CLOSED', () => device.flush());
    await assertRefused('BLOCK_CLOSED', () => device.unmap(0, blockSize));
    await assertRefused('BLOCK_CLOSED', () => device.writeZeroes(0, blockSize));
    await assertRefused('BLOCK_CLOSED', () => device.extents(0, blockSize));
  },
  'close waits for what is in flight': async ({ device }) => {
    const { blockSize } = device;
    const into = Array.from({ length: 16 }, () => new Uint8Array(blockSize).fill(1));
    let unanswered = 0;
    const count = (answer: MaybePromise<void>): void => {
      if (!isPromise(answer)) return;
      unanswered++;
      void answer.then(() => unanswered--);
    };
    into.forEach((buffer, index) => {
      count(device.read([buffer], index * blockSize));
      count(device.write([pattern(blockSize, index)], (index + 32) * blockSize));
    });
    await device.close();
    await yieldTurn();
    assert.equal(unanswered, 0, 'requests unanswered after close');
    for (const buffer of into) assertBytes(buffer, new Uint8Array(blockSize), 'read while closing');
  },
  'two closes at once end together': async ({ device }) => {
    await device.write([pattern(device.blockSize, 33)], 0);
    await Promise.all([device.close(), device.close()]);
  },
  'a change of size is announced until the listener unsubscribes': async ({ device, resize }) => {
    if (resize === undefined) return;
    const sizes: number[] = [];
    const unsubscribe = device.onResize((size) => sizes.push(size));
    const before = device.size;
    await resize(2 * before);
    assert.equal(sizes.at(-1), device.size, 'the listener heard of the new size');
    const heard = sizes.length;
    assert.ok(device.size > before, 'the device grew');
    const bytes = pattern(device.blockSize, 35);
    await device.write([bytes], device.size - device.blockSize);
    assertBytes(await readBack(device, device.size - device.blockSize, bytes.length), bytes, 'the new end');
    unsubscribe();
    await resize(3 * before);
    assert.equal(sizes.length, heard, 'not called any more');
  },
};
