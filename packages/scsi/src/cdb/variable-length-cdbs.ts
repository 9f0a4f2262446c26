import { nu64be, u16be, u32be, u8, type Layout } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import type { WriteSame16Cdb } from './block-cdbs.ts';
import { defineCdb, VARIABLE_LENGTH, type CdbDefinition } from './cdb-definition.ts';

/** What a 32-byte CDB says of the protection information of its blocks. */
export interface ExpectedTags {
  /** LOGICAL BLOCK REFERENCE TAG of the first block, with type 2 protection; each block has one more. */
  EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG: number;
  EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG: number;
  /** One bits where the application tag is compared. */
  LOGICAL_BLOCK_APPLICATION_TAG_MASK: number;
}

/** Fields of WRITE SAME(32). */
export interface WriteSame32Cdb extends WriteSame16Cdb, ExpectedTags {}

/** A 32-byte CDB of a block command (SBC-3 5.14): CONTROL is at its start, its own flags are in byte 10. */
function blockCdb32<T>(
  name: string,
  serviceAction: number,
  byte10: Layout,
  blocks: string,
): CdbDefinition<T> {
  const fields = [
    u8('OPERATION_CODE'),
    u8('CONTROL'),
    bytes(4),
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

const writeSameFlags = flags('WRPROTECT:3', 'ANCHOR', 'UNMAP', 'PBDATA', 'LBDATA', 'NDOB');

/** WRITE SAME(32) (SBC-3 5.44). */
export const WRITE_SAME_32: CdbDefinition<WriteSame32Cdb> = blockCdb32(
  'WRITE SAME',
  0x000d,
  writeSameFlags,
  'NUMBER_OF_LOGICAL_BLOCKS',
);
