import { fieldWords, flagWords, hex, octetWords } from './field-words.ts';
import type { FieldWords } from './field-words.ts';
import type { Pdu, PduType } from './pdu.ts';
import { PduError } from './pdu-error.ts';
import { decodeText } from './text.ts';

/** Most characters of key=value text in the one-line form. */
const SHORT_TEXT_LENGTH = 160;

/** Most bytes of a data segment that the long form dumps. */
const DUMP_LENGTH = 256;

const titles: Readonly<Record<PduType, string>> = {
  'nop-out': 'NOP-Out',
  'scsi-command': 'SCSI Command',
  'task-management-request': 'Task Management Request',
  'login-request': 'Login Request',
  'text-request': 'Text Request',
  'data-out': 'SCSI Data-Out',
  'logout-request': 'Logout Request',
  snack: 'SNACK Request',
  'nop-in': 'NOP-In',
  'scsi-response': 'SCSI Response',
  'task-management-response': 'Task Management Response',
  'login-response': 'Login Response',
  'text-response': 'Text Response',
  'data-in': 'SCSI Data-In',
  'logout-response': 'Logout Response',
  r2t: 'R2T',
  'async-message': 'Asynchronous Message',
  reject: 'Reject',
};

/**
 * The PDU in one line: its name, flags, and the fields that say something, under their names in RFC 7143.
 * Control characters sent by a peer are escaped, so the line may go into a log.
 */
export function describe(pdu: Pdu): string {
  const parts = [...flagsOf(pdu)];
  for (const [value, words] of numbersOf(pdu)) {
    if (value !== words.quiet) parts.push(`${words.label} ${words.format(value)}`);
  }
  for (const [label, octets] of octetsOf(pdu)) {
    if (octets.some((byte) => byte !== 0)) parts.push(`${label} ${hexDigits(octets)}`);
  }
  if ('data' in pdu && pdu.data.length > 0) {
    parts.push(`${pdu.data.length} B of data`);
    const text = textOf(pdu)?.join(' ') ?? '';
    if (text !== '')
      parts.push(text.length > SHORT_TEXT_LENGTH ? `${text.slice(0, SHORT_TEXT_LENGTH)}…` : text);
  }
  return parts.length === 0 ? titles[pdu.type] : `${titles[pdu.type]}: ${parts.join(', ')}`;
}

/**
 * The PDU in full: one line for each field, set or not, then the data segment: text as its pairs, anything
 * else as a hex dump of its first 256 bytes.
 */
export function describeLong(pdu: Pdu): string {
  const flags = [...flagsOf(pdu)];
  const rows: [string, string][] = [['Flags', flags.length > 0 ? flags.join(', ') : 'none']];
  for (const [value, words] of numbersOf(pdu)) rows.push([words.label, words.format(value)]);
  for (const [label, octets] of octetsOf(pdu)) rows.push([label, hexDigits(octets)]);
  if ('data' in pdu) rows.push(['DataSegmentLength', `${pdu.data.length} B`]);
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
  const data = 'data' in pdu ? (textOf(pdu) ?? dumpOf(pdu.data)) : [];
  return [titles[pdu.type], ...lines, ...data.map((line) => `    ${line}`)].join('\n');
}

function* flagsOf(pdu: Pdu): Iterable<string> {
  const fields = pdu as unknown as Record<string, unknown>;
  for (const [name, words] of Object.entries(flagWords)) if (fields[name] === true) yield words;
}

function* numbersOf(pdu: Pdu): Iterable<[number, FieldWords]> {
  const fields = pdu as unknown as Record<string, unknown>;
  for (const [name, words] of Object.entries(fieldWords)) {
    const field = name.startsWith(`${pdu.type}.`) ? name.slice(pdu.type.length + 1) : name;
    const value = fields[field];
    if (typeof value === 'number') yield [value, words];
  }
}

function* octetsOf(pdu: Pdu): Iterable<[string, Uint8Array]> {
  const fields = pdu as unknown as Record<string, unknown>;
  for (const [name, label] of Object.entries(octetWords)) {
    const value = fields[name];
    if (value instanceof Uint8Array) yield [label, value];
  }
}

/**
 * The key=value pairs of a login or text PDU; undefined for other PDUs and for text that is malformed or
 * cut in the middle.
 */
function textOf(pdu: Pdu): string[] | undefined {
  if (!/^(?:login|text)-/.test(pdu.type) || !('data' in pdu)) return undefined;
  try {
    return decodeText(pdu.data).map(([key, value]) => `${key}=${printable(value)}`);
  } catch (error) {
    if (error instanceof PduError) return undefined;
    throw error;
  }
}

function printable(text: string): string {
  return text.replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

function hexDigits(octets: Uint8Array): string {
  return Array.from(octets, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function dumpOf(data: Uint8Array): string[] {
  const lines: string[] = [];
  const end = Math.min(data.length, DUMP_LENGTH);
  for (let offset = 0; offset < end; offset += 16) {
    const row = data.subarray(offset, Math.min(end, offset + 16));
    const pairs = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = Array.from(row, (byte) =>
      byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.',
    ).join('');
    lines.push(`${hex(offset, 4)}  ${pairs.padEnd(47)}  ${text}`);
  }
  if (data.length > end) lines.push(`… ${data.length - end} B more`);
  return lines;
}
