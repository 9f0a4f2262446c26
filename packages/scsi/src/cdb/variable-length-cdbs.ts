import { nu64be, u16be, u32be, u8, type Layout } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import type {
  ReadCdb,
  VerifyCdb,
  WriteAndVerifyCdb,
  WriteAtomicCdb,
  WriteCdb,
  WriteSame16Cdb,
} from './block-cdbs.ts';
import { defineCdb, VARIABLE_LENGTH, type CdbDefinition } from './cdb-definition.ts';

/** What a 32-byte CDB says of the protection information of its blocks. */
export interface ExpectedTags {
  /** LOGICAL BLOCK REFERENCE TAG of the first block, with type 2 protection; each block has one more. */
  EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG: number;
  EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG: number;
  /** One bits where the application tag is compared. */
  LOGICAL_BLOCK_APPLICATION_TAG_MASK: number;
}

/** Fields of READ(32). */
export interface Read32Cdb extends ReadCdb, ExpectedTags {}

/** Fields of VERIFY(32). */
export interface Verify32Cdb extends VerifyCdb, ExpectedTags {}

/** Fields of WRITE(32). */
export interface Write32Cdb extends WriteCdb, ExpectedTags {}

/** Fields of WRITE AND VERIFY(32). */
export interface WriteAndVerify32Cdb extends WriteAndVerifyCdb, ExpectedTags {}

/** Fields of WRITE ATOMIC(32). */
export interface WriteAtomic32Cdb extends WriteAtomicCdb, ExpectedTags {}

/** Fields of WRITE SAME(32). */
export interface WriteSame32Cdb extends WriteSame16Cdb, ExpectedTags {}

/** A 32-byte CDB of a block command (SBC-3 5.14): CONTROL is at its start, its own flags are in byte 10. */
function blockCdb32<T>(
  name: string,
  serviceAction: number,
  byte10: Layout,
  blocks: string = 'TRANSFER_LENGTH',
  bytes2to5: readonly Layout[] = [bytes(4)],
): CdbDefinition<T> {
  const fields = [
    u8('OPERATION_CODE'),
    u8('CONTROL'),
    ...bytes2to5,
    flags('RESERVED:3', 'GROUP_NUMBER:5'),
    u8('ADDITIONAL_CDB_LENGTH'),
    u16be('SERVICE_ACTION'),
    byte10,
    bytes(1),
    nu64be('LOGICAL_BLOCK_ADDRESS'),
    u32be('EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG'),
    u16be('EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG'),
    u16be('LOGICAL_BLOCK_APPLICATION_TAG_MASK'),
    u32be(blocks),
  ];
  return defineCdb(`${name} (32)`, { operationCode: VARIABLE_LENGTH, serviceAction }, 32, fields);
}

const readFlags = flags('RDPROTECT:3', 'DPO', 'FUA', 'RARC', 'RESERVED:2');
const writeFlags = flags('WRPROTECT:3', 'DPO', 'FUA', 'RESERVED:3');
const writeAndVerifyFlags = flags('WRPROTECT:3', 'DPO', 'RESERVED', 'BYTCHK:2', 'RESERVED');
const verifyFlags = flags('VRPROTECT:3', 'DPO', 'RESERVED', 'BYTCHK:2', 'RESERVED');
const writeSameFlags = flags('WRPROTECT:3', 'ANCHOR', 'UNMAP', 'PBDATA', 'LBDATA', 'NDOB');

/** READ(32) (SBC-3 5.14). */
export const READ_32: CdbDefinition<Read32Cdb> = blockCdb32('READ', 0x0009, readFlags);
/** VERIFY(32) (SBC-3 5.32). */
export const VERIFY_32: CdbDefinition<Verify32Cdb> = blockCdb32(
  'VERIFY',
  0x000a,
  verifyFlags,
  'VERIFICATION_LENGTH',
);
/** WRITE(32) (SBC-3 5.36). */
export const WRITE_32: CdbDefinition<Write32Cdb> = blockCdb32('WRITE', 0x000b, writeFlags);
/** WRITE AND VERIFY(32) (SBC-3 5.40). */
export const WRITE_AND_VERIFY_32: CdbDefinition<WriteAndVerify32Cdb> = blockCdb32(
  'WRITE AND VERIFY',
  0x000c,
  writeAndVerifyFlags,
);
/** WRITE SAME(32) (SBC-3 5.44). */
export const WRITE_SAME_32: CdbDefinition<WriteSame32Cdb> = blockCdb32(
  'WRITE SAME',
  0x000d,
  writeSameFlags,
  'NUMBER_OF_LOGICAL_BLOCKS',
);
/** WRITE ATOMIC(32) (SBC-4 5.49). */
export const WRITE_ATOMIC_32: CdbDefinition<WriteAtomic32Cdb> = blockCdb32(
  'WRITE ATOMIC',
  0x000f,
  writeFlags,
  'TRANSFER_LENGTH',
  [bytes(2), u16be('ATOMIC_BOUNDARY')],
);
