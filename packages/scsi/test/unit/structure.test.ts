import { u16be, u24be, u8 } from 'buffer-layout';
import { expect, test } from 'vitest';
import { bitFields, bytes, flags, structure, text, type Structure } from '../../src/structure.ts';
import { hex } from '../support/harness.ts';

interface Sample {
  HIGH: number;
  LOW: number;
  WIDE: number;
  NAME: string;
  NUMBER: number;
}

const sample: Structure<Sample> = structure(10, [
  flags('HIGH:3', 'RESERVED:4', 'LOW'),
  bitFields(u24be(), 'RESERVED:3', 'WIDE:21'),
  text(4, 'NAME'),
  u16be('NUMBER'),
]);

test('bit fields go from the most significant bit down, text is padded with spaces', () => {
  const fields = { HIGH: 5, LOW: 1, WIDE: 0x10_2030, NAME: 'ab', NUMBER: 0x1234 };
  expect(sample.encode(fields)).toEqual(hex('a1 102030 61622020 1234'));
  expect(sample.decode(hex('a1 f02030 61622020 1234'))).toEqual(fields);
});

test('what is left out is zero, what is missing reads as zero', () => {
  expect(sample.encode({})).toEqual(new Uint8Array(10));
  expect(sample.decode(hex('a1'))).toEqual({ HIGH: 5, LOW: 1, WIDE: 0, NAME: '\0\0\0\0', NUMBER: 0 });
});

test('fields are found by byte, bit and mask', () => {
  expect(sample.fieldNames).toEqual(['HIGH', 'LOW', 'WIDE', 'NAME', 'NUMBER']);
  expect(sample.locate('HIGH')).toEqual({ byteOffset: 0, bit: 7, mask: [0xe0] });
  expect(sample.locate('LOW')).toEqual({ byteOffset: 0, bit: 0, mask: [0x01] });
  expect(sample.locate('WIDE')).toEqual({ byteOffset: 1, bit: 4, mask: [0x1f, 0xff, 0xff] });
  expect(sample.locate('NUMBER')).toEqual({ byteOffset: 8, mask: [0xff, 0xff] });
  expect(() => sample.locate('OTHER')).toThrow('no field OTHER');
});

test('a structure of another length than declared is refused', () => {
  expect(() => structure(3, [u8('A'), bytes(1)])).toThrow('spans 2 bytes, declared are 3');
});
