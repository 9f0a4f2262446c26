import { describe, expect, test } from 'vitest';
import {
  CheckConditionError,
  describeCdb,
  describeSense,
  encodeDescriptorSense,
  encodeFixedSense,
  findCdb,
  parseSense,
  type SenseData,
} from '../../src/index.ts';
import { hex } from '../support/harness.ts';

const invalidField: SenseData = {
  senseKey: 5,
  asc: 0x24,
  ascq: 0,
  fieldPointer: { inCdb: true, byteOffset: 1, bit: 7 },
};
const invalidList: SenseData = {
  senseKey: 5,
  asc: 0x26,
  ascq: 0,
  fieldPointer: { inCdb: false, byteOffset: 0x102 },
};
const medium: SenseData = { senseKey: 3, asc: 0x11, ascq: 0, information: 0x1234_5678 };
const far: SenseData = { senseKey: 0xe, asc: 0x1d, ascq: 0, information: 0x12_3456_789a };
const deferred: SenseData = { senseKey: 3, asc: 0x0c, ascq: 0, deferred: true };

describe('fixed format', () => {
  test.each([
    [invalidField, '70 00 05 00000000 0a 00000000 24 00 00 cf 0001'],
    [invalidList, '70 00 05 00000000 0a 00000000 26 00 00 80 0102'],
    [medium, 'f0 00 03 12345678 0a 00000000 11 00 00 000000'],
    [deferred, '71 00 03 00000000 0a 00000000 0c 00 00 000000'],
  ])('%o', (sense, bytes) => {
    expect(encodeFixedSense(sense)).toEqual(hex(bytes));
    expect(parseSense(hex(bytes))).toEqual(sense);
  });

  test('leaves out information of more than 32 bits', () => {
    expect(encodeFixedSense(far)).toEqual(hex('70 00 0e 00000000 0a 00000000 1d 00 00 000000'));
  });
});

describe('descriptor format', () => {
  test.each([
    [invalidField, '72 05 24 00 000000 08 02 06 0000 cf 0001 00'],
    [medium, '72 03 11 00 000000 0c 00 0a 80 00 0000000012345678'],
    [far, '72 0e 1d 00 000000 0c 00 0a 80 00 000000123456789a'],
    [deferred, '73 03 0c 00 000000 00'],
  ])('%o', (sense, bytes) => {
    expect(encodeDescriptorSense(sense)).toEqual(hex(bytes));
    expect(parseSense(hex(bytes))).toEqual(sense);
  });
});

test('sense data that was cut off or is none is read as far as it goes', () => {
  expect(parseSense(hex('70 00 05'))).toEqual({ senseKey: 5, asc: 0, ascq: 0 });
  expect(parseSense(hex('72 05 24 00 000000 08 02'))).toEqual({ senseKey: 5, asc: 0x24, ascq: 0 });
  expect(parseSense(hex('00 00'))).toBeUndefined();
  expect(parseSense(new Uint8Array(0))).toBeUndefined();
});

test('sense data in words', () => {
  expect(describeSense(encodeFixedSense(invalidField))).toBe(
    'ILLEGAL REQUEST: INVALID FIELD IN CDB, CDB byte 1 bit 7',
  );
  expect(describeSense(encodeDescriptorSense(deferred))).toBe('MEDIUM ERROR: WRITE ERROR, deferred');
  expect(describeSense(hex('70 00 0f 00000000 0a 00000000 7e 01'))).toBe('COMPLETED: 7Eh/01h');
  expect(describeSense(new Uint8Array(0))).toBe('no sense data');
});

test('a check condition becomes a status in the format of its unit', () => {
  const error = new CheckConditionError(medium);
  expect(error.code).toBe('SCSI_CHECK_CONDITION');
  expect(error.message).toBe('MEDIUM ERROR: UNRECOVERED READ ERROR');
  expect(error.toFinished()).toMatchObject({ kind: 'finished', status: 2, sense: { 0: 0xf0 } });
  error.descriptorFormat = true;
  expect(error.toFinished()).toMatchObject({ sense: { 0: 0x72 } });
});

test('a CDB in words', () => {
  expect(describeCdb(hex('28 08 00000010 00 0008 00'))).toBe(
    'READ (10) FUA=1 LOGICAL BLOCK ADDRESS=16 TRANSFER LENGTH=8',
  );
  expect(describeCdb(hex('9e 10 0000000000000000 00000020 0000'))).toBe(
    'READ CAPACITY (16) ALLOCATION LENGTH=32',
  );
  expect(describeCdb(hex('83'))).toBe('operation code 83h');
  expect(findCdb(hex('9e 11'))).toBeUndefined();
});
