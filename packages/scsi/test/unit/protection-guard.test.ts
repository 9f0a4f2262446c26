import { expect, test } from 'vitest';
import { blockGuard, buildProtectionInformation, parseProtectionInformation } from '../../src/index.ts';
import { hex } from '../support/harness.ts';

/** Made by a program that takes the polynomial bit by bit; the first is the check value of CRC-16/T10-DIF. */
test.each([
  ['the digits 1 to 9', Buffer.from('123456789'), 0xd0db],
  ['32 zeroes', new Uint8Array(32), 0],
  ['a block of FFh', new Uint8Array(512).fill(0xff), 0xe6a1],
  ['512 bytes that count', Uint8Array.from({ length: 512 }, (_, at) => at), 0x4f10],
  ['4096 bytes in steps of 7', Uint8Array.from({ length: 4096 }, (_, at) => at * 7), 0x3d10],
  ['one bit, an odd number of bytes', Uint8Array.of(1), 0x8bb7],
  ['three bytes', Buffer.from('abc'), 0x443b],
  ['nothing', new Uint8Array(0), 0],
])('the guard of %s', (_what, bytes, guard) => {
  expect(blockGuard(bytes)).toBe(guard);
});

test('protection information, byte for byte', () => {
  const fields = {
    LOGICAL_BLOCK_GUARD: 0x0102,
    LOGICAL_BLOCK_APPLICATION_TAG: 0x0304,
    LOGICAL_BLOCK_REFERENCE_TAG: 0x05060708,
  };
  expect(buildProtectionInformation(fields)).toEqual(hex('0102 0304 05060708'));
  expect(parseProtectionInformation(hex('00 0102 0304 05060708'), 1)).toEqual(fields);
});
