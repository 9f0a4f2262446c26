import { blob, nu64be, struct, u32be, type Structure } from 'buffer-layout';
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { FORMAT_VERSION, IDENTITY_BLOCK_BYTES } from './format.ts';

/** Control-Z and line feed: a copy in text mode damages the magic number, and is noticed. */
const MAGIC = 'LUNBOX\x1a\n';

const TEXT =
  'This file is a Lunbox container. This block is not a partition table: the disk inside ' +
  'starts at the data offset that the headers at 65536 and 196608 record.\n';

/** The block, field by field, as it lies on disk. All numbers are big-endian. */
export interface IdentityFields {
  magic: Buffer;
  formatVersion: number;
  blockLength: number;
  blockCrc: number;
  reserved1: Buffer;
  birthIdentity: Buffer;
  birthMs: number;
  reserved2: Buffer;
  text: Buffer;
  reserved3: Buffer;
}

const TEXT_BYTES = 256;

/** Declares the block; `docs/container-format.md` is made from it. */
export const identityLayout: Structure<IdentityFields> = struct<IdentityFields>([
  blob(8, 'magic'),
  u32be('formatVersion'),
  u32be('blockLength'),
  u32be('blockCrc'),
  blob(4, 'reserved1'),
  blob(16, 'birthIdentity'),
  nu64be('birthMs'),
  blob(464, 'reserved2'),
  blob(TEXT_BYTES, 'text'),
  blob(3328, 'reserved3'),
]);
assert.equal(identityLayout.span, IDENTITY_BLOCK_BYTES);

const CRC_OFFSET = identityLayout.offsetOf('blockCrc') as number;

/** The first block of the file, written once, when the object is created. */
export interface IdentityBlock {
  /** The identity that the object was born with; the header has the one that counts. */
  readonly birthIdentity: Uint8Array;
  readonly birthMs: number;
}

function blockCrc(block: Uint8Array): number {
  const zero = new Uint8Array(4);
  return crc32(block.subarray(CRC_OFFSET + zero.length), crc32(zero, crc32(block.subarray(0, CRC_OFFSET))));
}

/** Writes the block. */
export function encodeIdentityBlock(identity: IdentityBlock): Buffer {
  const block = Buffer.alloc(IDENTITY_BLOCK_BYTES);
  identityLayout.encode(
    {
      magic: Buffer.from(MAGIC, 'latin1'),
      formatVersion: FORMAT_VERSION,
      blockLength: IDENTITY_BLOCK_BYTES,
      blockCrc: 0,
      reserved1: Buffer.alloc(4),
      birthIdentity: Buffer.from(identity.birthIdentity),
      birthMs: identity.birthMs,
      reserved2: Buffer.alloc(464),
      text: Buffer.concat([Buffer.from(TEXT, 'latin1')], TEXT_BYTES),
      reserved3: Buffer.alloc(3328),
    },
    block,
  );
  block.writeUInt32BE(blockCrc(block), CRC_OFFSET);
  return block;
}

/** True when a file that starts like this was meant to be a container. */
export function hasContainerMagic(start: Uint8Array): boolean {
  const magic = Buffer.from(MAGIC, 'latin1');
  return start.length >= magic.length && Buffer.compare(start.subarray(0, magic.length), magic) === 0;
}

/** Reads the block; undefined when its checksum does not match. */
export function decodeIdentityBlock(block: Buffer): IdentityBlock | undefined {
  if (block.length !== IDENTITY_BLOCK_BYTES) return undefined;
  const fields = identityLayout.decode(block);
  if (fields.blockCrc !== blockCrc(block)) return undefined;
  return { birthIdentity: new Uint8Array(fields.birthIdentity), birthMs: fields.birthMs };
}
