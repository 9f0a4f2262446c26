import { describe, expect, it } from 'vitest';
import type { PduError } from '../../src/index.ts';
import { decodeText, encodeText, splitText, TextAssembler } from '../../src/index.ts';

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'utf8'));

function codeOf(action: () => unknown): string {
  try {
    action();
    return 'done';
  } catch (error) {
    return (error as PduError).code;
  }
}

it('every pair ends with one null byte (RFC 7143 6.1)', () => {
  const pairs = [
    ['SessionType', 'Normal'],
    ['TargetAlias', 'größe=1'],
  ] as const;
  const text = encodeText(pairs);
  expect(text).toEqual(bytesOf('SessionType=Normal\0TargetAlias=größe=1\0'));
  expect(decodeText(text)).toEqual(pairs);
});

it('a last pair without null byte and empty pairs are read all the same', () => {
  expect(decodeText(bytesOf('A=1\0\0\0B=\0C=3'))).toEqual([
    ['A', '1'],
    ['B', ''],
    ['C', '3'],
  ]);
});

describe('malformed text is refused', () => {
  it.each([
    ['no equals sign', bytesOf('SessionType\0')],
    ['an equals sign only in the next pair', bytesOf('A\0B=1\0')],
    ['an empty key', bytesOf('=1\0')],
    ['a key of 64 characters', bytesOf(`${'K'.repeat(64)}=1\0`)],
    ['a key that begins with a digit', bytesOf('1A=1\0')],
    ['a key with a space', bytesOf('A B=1\0')],
    ['a value above 65536 bytes', bytesOf(`A=${'x'.repeat(65537)}\0`)],
    ['bytes that are not UTF-8', Uint8Array.of(0x41, 0x3d, 0xff, 0)],
  ])('%s', (_name, bytes) => expect(codeOf(() => decodeText(bytes))).toBe('PDU_TEXT_MALFORMED'));

  it('and is not written either', () => {
    expect(codeOf(() => encodeText([['A', 'b\0C=d']]))).toBe('PDU_TEXT_MALFORMED');
    expect(codeOf(() => encodeText([['A B', '1']]))).toBe('PDU_TEXT_MALFORMED');
  });
});

it('text split anywhere, also inside a character, is put together by the C bit', () => {
  const text = encodeText([
    ['InitiatorAlias', 'größe'],
    ['MaxBurstLength', '262144'],
  ]);
  for (let size = 1; size <= text.length; size++) {
    const segments = splitText(text, size);
    const assembler = new TextAssembler();
    const results = segments.map((segment, i) => assembler.push(segment, i < segments.length - 1));
    expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true);
    expect(results.at(-1)).toEqual([
      ['InitiatorAlias', 'größe'],
      ['MaxBurstLength', '262144'],
    ]);
    expect(assembler.length).toBe(0);
  }
  expect(splitText(new Uint8Array(0), 10)).toEqual([new Uint8Array(0)]);
});

it('continued text above the limit is refused and dropped', () => {
  const assembler = new TextAssembler(100);
  assembler.push(new Uint8Array(100), true);
  expect(codeOf(() => assembler.push(new Uint8Array(1), true))).toBe('PDU_TEXT_TOO_LONG');
  expect(assembler.length).toBe(0);
});
