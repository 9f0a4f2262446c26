import { describe, expect, it } from 'vitest';
import * as iscsi from '../../src/index.ts';
import {
  Keys,
  negotiateKey,
  parseBinary,
  parseBoolean,
  parseNumber,
  parseNumericRange,
} from '../../src/index.ts';
import type { KeyPreference } from '../../src/index.ts';

describe('values of RFC 7143 6.1', () => {
  it.each([
    ['0', 0],
    ['8192', 8192],
    ['0x2000', 8192],
    ['0X1fF', 511],
    ['18446744073709551615', 2 ** 64],
    ['01', undefined],
    ['', undefined],
    ['-1', undefined],
    ['+1', undefined],
    [' 1', undefined],
    ['1e3', undefined],
    ['0x', undefined],
    ['0b1', undefined],
    ['18446744073709551616', undefined],
    ['9'.repeat(300), undefined],
  ])('number %j is %j', (text, value) => expect(parseNumber(text)).toBe(value));

  it('booleans are Yes and No, in this case only', () => {
    expect([parseBoolean('Yes'), parseBoolean('No'), parseBoolean('yes')]).toEqual([true, false, undefined]);
  });

  it('a range does not run backwards', () => {
    expect(parseNumericRange('512~0x400')).toEqual([512, 1024]);
    expect(parseNumericRange('2~1')).toBeUndefined();
    expect(parseNumericRange('2')).toBeUndefined();
  });

  it('n hex digits make (n + 1) / 2 bytes', () => {
    expect(parseBinary('0xabc')).toEqual(Uint8Array.of(0x0a, 0xbc));
    expect(parseBinary('0x00FF')).toEqual(Uint8Array.of(0, 0xff));
  });

  it('base64 is read with and without padding, and nothing else is', () => {
    for (let length = 1; length <= 64; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 37);
      const text = Buffer.from(bytes).toString('base64');
      expect(parseBinary(`0b${text}`)).toEqual(bytes);
      expect(parseBinary(`0B${text.replaceAll('=', '')}`)).toEqual(bytes);
      expect(parseBinary(iscsi.formatBinary(bytes))).toEqual(bytes);
    }
    for (const text of ['0b', '0bA', '0bAA=', '0bAAA*', 'AAAA', '0x0g', ''])
      expect(parseBinary(text)).toBeUndefined();
  });

  it('a binary value ends at 1024 bytes', () => {
    expect(parseBinary(`0x${'00'.repeat(1024)}`)?.length).toBe(1024);
    expect(parseBinary(`0x${'00'.repeat(1025)}`)).toBeUndefined();
    expect(parseBinary(`0b${'A'.repeat(1368)}`)).toBeUndefined();
  });
});

describe('result functions of RFC 7143 13', () => {
  it.each<[string, string, KeyPreference, string]>([
    ['InitialR2T', 'No', false, 'No'],
    ['InitialR2T', 'No', true, 'Yes'],
    ['InitialR2T', 'Yes', false, 'Yes'],
    ['ImmediateData', 'Yes', true, 'Yes'],
    ['ImmediateData', 'Yes', false, 'No'],
    ['ImmediateData', 'No', true, 'No'],
    ['ImmediateData', 'Maybe', true, 'Reject'],
    ['MaxBurstLength', '16776192', 262144, '262144'],
    ['MaxBurstLength', '0x1000', 262144, '4096'],
    ['MaxBurstLength', '511', 262144, 'Reject'],
    ['MaxBurstLength', '16777216', 262144, 'Reject'],
    ['DefaultTime2Wait', '5', 2, '5'],
    ['DefaultTime2Retain', '5', 2, '2'],
    ['MaxRecvDataSegmentLength', '512', 8192, '512'],
    ['ErrorRecoveryLevel', '2', 0, '0'],
    ['HeaderDigest', 'CRC32C,None', ['None'], 'None'],
    ['HeaderDigest', 'CRC32C,None', ['None', 'CRC32C'], 'CRC32C'],
    ['HeaderDigest', 'MD5', ['None'], 'Reject'],
    ['AuthMethod', 'KRB5,CHAP', ['CHAP', 'None'], 'CHAP'],
    ['TaskReporting', 'FastAbort,ResponseFence,RFC3720', ['RFC3720'], 'RFC3720'],
    ['IFMarker', 'No', false, 'Reject'],
    ['OFMarkInt', '1~2', 0, 'Reject'],
  ])('%s=%s against %j is answered %s', (name, offered, ours, answer) => {
    const result = negotiateKey(Keys.get(name)!, offered, ours);
    expect(result === 'Reject' ? result : result.answer).toBe(answer);
  });

  it('a preference of the wrong kind is a mistake of the caller', () => {
    for (const name of ['InitialR2T', 'MaxBurstLength', 'HeaderDigest']) {
      const wrong = name === 'MaxBurstLength' ? true : 1;
      expect(() => negotiateKey(Keys.get(name)!, 'Yes', wrong)).toThrow(TypeError);
    }
  });
});

it('every default is a value that its key allows', () => {
  for (const key of Keys.values()) {
    const { default: text, minimum, maximum, values } = key;
    if (text === undefined) continue;
    if (minimum !== undefined) expect(parseNumber(text)).toBeGreaterThanOrEqual(minimum);
    if (maximum !== undefined) expect(parseNumber(text)).toBeLessThanOrEqual(maximum);
    if (values !== undefined) expect(values).toContain(text);
    if (key.kind.startsWith('boolean')) expect(parseBoolean(text)).toBeTypeOf('boolean');
  }
  expect(Keys.get('__proto__')).toBeUndefined();
});

describe('serial numbers of RFC 1982', () => {
  it('order goes on across the wrap', () => {
    expect(iscsi.serialLess(0xffffffff, 0)).toBe(true);
    expect(iscsi.serialLess(0, 0xffffffff)).toBe(false);
    expect(iscsi.serialLessOrEqual(5, 5)).toBe(true);
    expect(iscsi.serialLess(5, 5)).toBe(false);
    expect(iscsi.serialAdd(0xffffffff, 2)).toBe(1);
    expect(iscsi.serialAdd(0, -1)).toBe(0xffffffff);
    expect(iscsi.serialDistance(0xfffffffe, 3)).toBe(5);
  });

  it('two numbers 2^31 apart have no order', () => {
    expect(iscsi.serialLess(0, 0x80000000)).toBe(false);
    expect(iscsi.serialLess(0x80000000, 0)).toBe(false);
  });
});
