import { readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** Where the headers lie, from docs/container-format.md and not from the sources: these tests know no layout. */
const SLOTS = { A: 65_536, B: 196_608 } as const;
const FIELDS_BYTES = 4096;

/** Numbers of the header, by their offset in it. */
export const At = {
  VERSION: 8,
  SEQUENCE_LOW: 28,
  INCOMPATIBLE: 48,
  COMPATIBLE: 52,
  AUTOCLEAR: 56,
  ROLE: 60,
  REGION_COUNT: 196,
  REGIONS: 1024,
} as const;

/** The 4096 bytes of a header. */
export function headerBytes(path: string, slot: keyof typeof SLOTS): Buffer {
  return readFileSync(path).subarray(SLOTS[slot], SLOTS[slot] + FIELDS_BYTES);
}

/** The header with the higher number. */
export function newerHeader(path: string): Buffer {
  const [a, b] = [headerBytes(path, 'A'), headerBytes(path, 'B')];
  return a.readUInt32BE(At.SEQUENCE_LOW) > b.readUInt32BE(At.SEQUENCE_LOW) ? a : b;
}

/** The attributes of the header with the higher number, as text. */
export function newerAttributes(path: string): string {
  const file = readFileSync(path);
  const newer = newerHeader(path);
  const start = Number(newer.readBigUInt64BE(16)) + FIELDS_BYTES;
  return file.toString('utf8', start, start + newer.readUInt32BE(36));
}

/** Changes headers in a file and gives them right checksums again, as software of a later time could have. */
export function patchHeaders(
  path: string,
  patch: (header: Buffer) => void,
  slots: readonly (keyof typeof SLOTS)[] = ['A', 'B'],
): void {
  const file = readFileSync(path);
  for (const slot of slots) {
    const header = file.subarray(SLOTS[slot], SLOTS[slot] + FIELDS_BYTES);
    patch(header);
    header.writeUInt32BE(0, 32);
    header.writeUInt32BE(crc32(header), 32);
  }
  writeFileSync(path, file);
}

/** Puts other attributes into both headers, byte for byte. */
export function patchAttributes(path: string, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  const file = readFileSync(path);
  for (const offset of Object.values(SLOTS)) file.set(bytes, offset + FIELDS_BYTES);
  writeFileSync(path, file);
  patchHeaders(path, (header) => {
    header.writeUInt32BE(bytes.length, 36);
    header.writeUInt32BE(crc32(bytes), 40);
  });
}
