import { describe, expect, it } from 'vitest';
import { formatSize, parseSize } from '../../src/cli/size.ts';

describe('sizes', () => {
  it.each([
    ['1', 1],
    ['4096', 4096],
    ['512M', 512 * 2 ** 20],
    ['10G', 10 * 2 ** 30],
    ['10g', 10 * 2 ** 30],
    ['10GiB', 10 * 2 ** 30],
    ['1.5T', 1.5 * 2 ** 40],
    ['7P', 7 * 2 ** 50],
    [' 64 K ', 65_536],
  ])('%j is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '0', '-1', '1X', 'G', '1.0000001K', '99999P', '1e6', '0x10', '1,5G', 'NaN'])(
    '%j is none',
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [2 ** 30, '1 GiB'],
    [1.5 * 2 ** 40, '1.5 TiB'],
    [2 ** 30 - 1, '1024.0 MiB'],
  ])('%d bytes are shown as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});
