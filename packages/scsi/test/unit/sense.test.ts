import { describe, expect, test } from 'vitest';
import {
  additionalSenseName,
  AdditionalSenseCode,
  CheckConditionError,
  describeCdb,
  describeSense,
  descriptionLines,
  encodeDescriptorSense,
  encodeFixedSense,
  explainSense,
  findCdb,
  parseSense,
  statusName,
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

test('additional sense codes have the names that T10 gave them', () => {
  for (const [constant, { asc, ascq }] of Object.entries(AdditionalSenseCode)) {
    const letters = (text: string) => text.replace(/[^A-Z]/g, '');
    expect(letters(additionalSenseName(asc, ascq))).toContain(letters(constant));
  }
  expect(additionalSenseName(0x5d, 0x10)).toBe('HARDWARE IMPENDING FAILURE GENERAL HARD DRIVE FAILURE');
  expect(additionalSenseName(0x5d, 0x6c)).toBe('FIRMWARE IMPENDING FAILURE DRIVE CALIBRATION RETRY COUNT');
  expect(additionalSenseName(0x40, 0x8a)).toBe('DIAGNOSTIC FAILURE ON COMPONENT 8Ah');
  expect(additionalSenseName(0x4d, 0x07)).toBe('TAGGED OVERLAPPED COMMANDS, TASK TAG 07h');
  expect(additionalSenseName(0x7e, 0x01)).toBe('7Eh/01h');
  expect(additionalSenseName(0x80, 0x01)).toBe('vendor specific 80h/01h');
});

test('statuses have names, unknown ones their number', () => {
  expect([0x00, 0x02, 0x18, 0x28, 0x99].map(statusName)).toEqual([
    'GOOD',
    'CHECK CONDITION',
    'RESERVATION CONFLICT',
    'TASK SET FULL',
    'status 99h',
  ]);
});

describe('all of sense data in words', () => {
  const lines = (bytes: string) => descriptionLines(explainSense(hex(bytes)));

  test('fixed format', () => {
    expect(lines('f0 00 a2 00001234 0a 00000007 04 04 02 80 4000')).toEqual([
      'fixed format sense data',
      '  RESPONSE CODE: 112 (current error)',
      '  SENSE KEY: 2 (NOT READY)',
      '  ADDITIONAL SENSE CODE: 04h/04h (LOGICAL UNIT NOT READY, FORMAT IN PROGRESS)',
      '  FILEMARK: 1',
      '  EOM: 0',
      '  ILI: 1',
      '  SDAT_OVFL: 0',
      '  INFORMATION: 4660',
      '  COMMAND-SPECIFIC INFORMATION: 7',
      '  FIELD REPLACEABLE UNIT CODE: 2',
      '  PROGRESS INDICATION: 16384 (25 % done)',
    ]);
  });

  test('descriptor format, deferred, with what is not known as it is', () => {
    const given =
      '73 05 24 00 80 0000 1c 0206 0000 cf 0001 00 030200 09 050200 20 0a06 02 04 04 00 8000 f0020102';
    expect(lines(given)).toEqual([
      'descriptor format sense data',
      '  RESPONSE CODE: 115 (deferred error)',
      '  SENSE KEY: 5 (ILLEGAL REQUEST)',
      '  ADDITIONAL SENSE CODE: 24h/00h (INVALID FIELD IN CDB)',
      '  SDAT_OVFL: 1',
      '  sense-key specific descriptor (02h)',
      '    FIELD POINTER: 1 (CDB)',
      '    BIT POINTER: 7',
      '  field replaceable unit descriptor (03h)',
      '    DESCRIPTOR TYPE: 3',
      '    ADDITIONAL LENGTH: 2',
      '    FIELD REPLACEABLE UNIT CODE: 9',
      '  block commands descriptor (05h)',
      '    DESCRIPTOR TYPE: 5',
      '    ADDITIONAL LENGTH: 2',
      '    ILI: 1',
      '  another progress indication descriptor (0Ah)',
      '    DESCRIPTOR TYPE: 10',
      '    ADDITIONAL LENGTH: 6',
      '    ANOTHER SENSE KEY: 2',
      '    ANOTHER ADDITIONAL SENSE CODE: 4',
      '    ANOTHER ADDITIONAL SENSE CODE QUALIFIER: 4',
      '    ANOTHER PROGRESS INDICATION: 32768',
      '  unknown descriptor (F0h)',
      '    BYTES: 0102',
    ]);
  });

  test.each([
    ['70 00 03 00000000 0a 00000000 11 00 00 80 0005', '  ACTUAL RETRY COUNT: 5'],
    ['70 00 0a 00000000 0a 00000000 0d 02 00 80 0003', '  FIELD POINTER: 3 (segment)'],
    ['70 00 06 00000000 0a 00000000 2a 09 00 81 0000', '  OVERFLOW: 1'],
    ['70 00 05 00000000 0a 00000000 26 00 00 80 0102', '  FIELD POINTER: 258 (parameter list)'],
  ])('what is specific to the sense key: %s', (bytes, line) => {
    expect(lines(bytes)).toContain(line);
  });

  test('what was cut off or is none', () => {
    expect(lines('72 05 24 00 000000 08 02 06')).toContain('  (truncated)');
    expect(lines('00 01')).toEqual(['no sense data', '  BYTES: 0001']);
  });
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
  expect(describeCdb(hex('85'))).toBe('operation code 85h GROUP CODE=4 CDB LENGTH=16 BYTES=85');
  expect(describeCdb(hex('d0 01'))).toBe('operation code D0h GROUP CODE=6 BYTES=d001');
  expect(describeCdb(hex('9d 1f'))).toContain('SERVICE ACTION=31');
  expect(describeCdb(hex('7f 00 0000000000 18 1234'))).toContain('CDB LENGTH=32 SERVICE ACTION=4660');
  expect(findCdb(hex('9e 11'))).toBeUndefined();
});
