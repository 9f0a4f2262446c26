import { nu64be, u16be, u24be, u32be, u8, type Layout } from 'buffer-layout';
import { bitFields, bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { action, control, opcode } from './common-fields.ts';

const group = flags('RESERVED:3', 'GROUP_NUMBER:5');

/** Fields of READ(6) and WRITE(6). */
export interface Transfer6Cdb {
  /** 21 bits. */
  LOGICAL_BLOCK_ADDRESS: number;
  /** In blocks; 0 stands for 256. */
  TRANSFER_LENGTH: number;
  CONTROL: number;
}

/** Fields of READ(10), (12), (16). */
export interface ReadCdb {
  /** Other than 0: protection information; refused. */
  RDPROTECT: number;
  /** Disable page out: a hint about caching. */
  DPO: number;
  /** Force unit access: read from the medium. */
  FUA: number;
  /** Rebuild assist recovery control; a hint. */
  RARC: number;
  LOGICAL_BLOCK_ADDRESS: number;
  GROUP_NUMBER: number;
  /** In blocks. */
  TRANSFER_LENGTH: number;
  CONTROL: number;
}

/** Fields of WRITE(10), (12), (16). */
export interface WriteCdb {
  /** Other than 0: protection information; refused. */
  WRPROTECT: number;
  DPO: number;
  /** Force unit access: the data is on the medium before the status. */
  FUA: number;
  LOGICAL_BLOCK_ADDRESS: number;
  GROUP_NUMBER: number;
  /** In blocks. */
  TRANSFER_LENGTH: number;
  CONTROL: number;
}

/** Fields of WRITE AND VERIFY(10), (12), (16). */
export interface WriteAndVerifyCdb {
  WRPROTECT: number;
  DPO: number;
  /** 0: read back, 1: read back and compare; others are refused. */
  BYTCHK: number;
  LOGICAL_BLOCK_ADDRESS: number;
  GROUP_NUMBER: number;
  /** In blocks. */
  TRANSFER_LENGTH: number;
  CONTROL: number;
}

/** Fields of VERIFY(10), (12), (16). */
export interface VerifyCdb {
  VRPROTECT: number;
  DPO: number;
  /** 0: read, 1: compare with the data, 3: compare every block with one block of data; 2 is refused. */
  BYTCHK: number;
  LOGICAL_BLOCK_ADDRESS: number;
  GROUP_NUMBER: number;
  /** In blocks. */
  VERIFICATION_LENGTH: number;
  CONTROL: number;
}

/** Fields of SYNCHRONIZE CACHE(10) and (16). */
export interface SynchronizeCacheCdb {
  /** 1: answer as soon as the CDB is checked. */
  IMMED: number;
  LOGICAL_BLOCK_ADDRESS: number;
  GROUP_NUMBER: number;
  /** 0 stands for the rest of the unit. */
  NUMBER_OF_LOGICAL_BLOCKS: number;
  CONTROL: number;
}

/** Fields of WRITE SAME(10). */
export interface WriteSameCdb {
  WRPROTECT: number;
  /** 1: anchor the blocks; refused. */
  ANCHOR: number;
  /** 1: the blocks may be unmapped. */
  UNMAP: number;
  /** Obsolete since SBC-3; refused, as LBDATA is. */
  PBDATA: number;
  LBDATA: number;
  LOGICAL_BLOCK_ADDRESS: number;
  GROUP_NUMBER: number;
  /** 0 stands for the rest of the unit. */
  NUMBER_OF_LOGICAL_BLOCKS: number;
  CONTROL: number;
}

/** Fields of WRITE SAME(16). */
export interface WriteSame16Cdb extends WriteSameCdb {
  /** 1: there is no Data-Out; the blocks become zero. */
  NDOB: number;
}

/** Fields of COMPARE AND WRITE. */
export interface CompareAndWriteCdb {
  WRPROTECT: number;
  DPO: number;
  /** Force unit access, for the reading and for the writing. */
  FUA: number;
  LOGICAL_BLOCK_ADDRESS: number;
  /** The data is this many blocks to compare, then as many to write. */
  NUMBER_OF_LOGICAL_BLOCKS: number;
  GROUP_NUMBER: number;
  CONTROL: number;
}

/** Fields of WRITE ATOMIC(16). */
export interface WriteAtomicCdb {
  WRPROTECT: number;
  DPO: number;
  FUA: number;
  LOGICAL_BLOCK_ADDRESS: number;
  /** Other than 0: several atomic writes, parted at multiples of it; refused. */
  ATOMIC_BOUNDARY: number;
  GROUP_NUMBER: number;
  /** In blocks: MAXIMUM ATOMIC TRANSFER LENGTH at most. */
  TRANSFER_LENGTH: number;
  CONTROL: number;
}

/** Fields of ORWRITE(16). */
export interface OrWriteCdb {
  ORPROTECT: number;
  DPO: number;
  FUA: number;
  LOGICAL_BLOCK_ADDRESS: number;
  GROUP_NUMBER: number;
  /** In blocks. */
  TRANSFER_LENGTH: number;
  CONTROL: number;
}

/** Fields of PRE-FETCH(10) and (16). */
export interface PreFetchCdb {
  /** 1: answer as soon as the CDB is checked. */
  IMMED: number;
  LOGICAL_BLOCK_ADDRESS: number;
  GROUP_NUMBER: number;
  /** In blocks; 0 stands for the rest of the unit. */
  PREFETCH_LENGTH: number;
  CONTROL: number;
}

/** Fields of READ CAPACITY(16). */
export interface ReadCapacity16Cdb {
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** Fields of GET LBA STATUS. */
export interface GetLbaStatusCdb {
  STARTING_LOGICAL_BLOCK_ADDRESS: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** The fields after byte 1 of the 10-, 12- and 16-byte block commands: an LBA and a number of blocks. */
function addressed(lengthBytes: 10 | 12 | 16, blocks: string): readonly Layout[] {
  const lba = 'LOGICAL_BLOCK_ADDRESS';
  if (lengthBytes === 10) return [u32be(lba), group, u16be(blocks), control];
  if (lengthBytes === 12) return [u32be(lba), u32be(blocks), group, control];
  return [nu64be(lba), u32be(blocks), group, control];
}

function blockCdb<T>(
  name: string,
  operationCode: number,
  lengthBytes: 10 | 12 | 16,
  byte1: Layout,
  blocks: string = 'TRANSFER_LENGTH',
): CdbDefinition<T> {
  const fields = [opcode, byte1, ...addressed(lengthBytes, blocks)];
  return defineCdb(`${name} (${lengthBytes})`, { operationCode }, lengthBytes, fields);
}

const transfer6 = [
  opcode,
  bitFields(u24be(), 'RESERVED:3', 'LOGICAL_BLOCK_ADDRESS:21'),
  u8('TRANSFER_LENGTH'),
  control,
];
const readFlags = flags('RDPROTECT:3', 'DPO', 'FUA', 'RARC', 'RESERVED:2');
const writeFlags = flags('WRPROTECT:3', 'DPO', 'FUA', 'RESERVED:3');
const writeAndVerifyFlags = flags('WRPROTECT:3', 'DPO', 'RESERVED', 'BYTCHK:2', 'RESERVED');
const verifyFlags = flags('VRPROTECT:3', 'DPO', 'RESERVED', 'BYTCHK:2', 'RESERVED');
const synchronizeFlags = flags('RESERVED:6', 'IMMED', 'RESERVED');
const orWriteFlags = flags('ORPROTECT:3', 'DPO', 'FUA', 'RESERVED:3');
const writeSameFlags = flags('WRPROTECT:3', 'ANCHOR', 'UNMAP', 'PBDATA', 'LBDATA', 'RESERVED');
const writeSame16Flags = flags('WRPROTECT:3', 'ANCHOR', 'UNMAP', 'PBDATA', 'LBDATA', 'NDOB');

/** READ(6) (SBC-2 5.5). */
export const READ_6: CdbDefinition<Transfer6Cdb> = defineCdb(
  'READ (6)',
  { operationCode: 0x08 },
  6,
  transfer6,
);
/** WRITE(6) (SBC-2 5.24). */
export const WRITE_6: CdbDefinition<Transfer6Cdb> = defineCdb(
  'WRITE (6)',
  { operationCode: 0x0a },
  6,
  transfer6,
);
/** READ(10) (SBC-3 5.10). */
export const READ_10: CdbDefinition<ReadCdb> = blockCdb('READ', 0x28, 10, readFlags);
/** READ(12) (SBC-3 5.12). */
export const READ_12: CdbDefinition<ReadCdb> = blockCdb('READ', 0xa8, 12, readFlags);
/** READ(16) (SBC-3 5.13). */
export const READ_16: CdbDefinition<ReadCdb> = blockCdb('READ', 0x88, 16, readFlags);
/** WRITE(10) (SBC-3 5.32). */
export const WRITE_10: CdbDefinition<WriteCdb> = blockCdb('WRITE', 0x2a, 10, writeFlags);
/** WRITE(12) (SBC-3 5.34). */
export const WRITE_12: CdbDefinition<WriteCdb> = blockCdb('WRITE', 0xaa, 12, writeFlags);
/** WRITE(16) (SBC-3 5.35). */
export const WRITE_16: CdbDefinition<WriteCdb> = blockCdb('WRITE', 0x8a, 16, writeFlags);
/** WRITE AND VERIFY(10) (SBC-3 5.36). */
export const WRITE_AND_VERIFY_10: CdbDefinition<WriteAndVerifyCdb> = blockCdb(
  'WRITE AND VERIFY',
  0x2e,
  10,
  writeAndVerifyFlags,
);
/** WRITE AND VERIFY(12) (SBC-3 5.37). */
export const WRITE_AND_VERIFY_12: CdbDefinition<WriteAndVerifyCdb> = blockCdb(
  'WRITE AND VERIFY',
  0xae,
  12,
  writeAndVerifyFlags,
);
/** WRITE AND VERIFY(16) (SBC-3 5.38). */
export const WRITE_AND_VERIFY_16: CdbDefinition<WriteAndVerifyCdb> = blockCdb(
  'WRITE AND VERIFY',
  0x8e,
  16,
  writeAndVerifyFlags,
);
/** VERIFY(10) (SBC-3 5.29). */
export const VERIFY_10: CdbDefinition<VerifyCdb> = blockCdb(
  'VERIFY',
  0x2f,
  10,
  verifyFlags,
  'VERIFICATION_LENGTH',
);
/** VERIFY(12) (SBC-3 5.30). */
export const VERIFY_12: CdbDefinition<VerifyCdb> = blockCdb(
  'VERIFY',
  0xaf,
  12,
  verifyFlags,
  'VERIFICATION_LENGTH',
);
/** VERIFY(16) (SBC-3 5.31). */
export const VERIFY_16: CdbDefinition<VerifyCdb> = blockCdb(
  'VERIFY',
  0x8f,
  16,
  verifyFlags,
  'VERIFICATION_LENGTH',
);
/** SYNCHRONIZE CACHE(10) (SBC-3 5.26). */
export const SYNCHRONIZE_CACHE_10: CdbDefinition<SynchronizeCacheCdb> = blockCdb(
  'SYNCHRONIZE CACHE',
  0x35,
  10,
  synchronizeFlags,
  'NUMBER_OF_LOGICAL_BLOCKS',
);
/** SYNCHRONIZE CACHE(16) (SBC-3 5.27). */
export const SYNCHRONIZE_CACHE_16: CdbDefinition<SynchronizeCacheCdb> = blockCdb(
  'SYNCHRONIZE CACHE',
  0x91,
  16,
  synchronizeFlags,
  'NUMBER_OF_LOGICAL_BLOCKS',
);
/** WRITE SAME(10) (SBC-3 5.42). */
export const WRITE_SAME_10: CdbDefinition<WriteSameCdb> = blockCdb(
  'WRITE SAME',
  0x41,
  10,
  writeSameFlags,
  'NUMBER_OF_LOGICAL_BLOCKS',
);
/** WRITE SAME(16) (SBC-3 5.43). */
export const WRITE_SAME_16: CdbDefinition<WriteSame16Cdb> = blockCdb(
  'WRITE SAME',
  0x93,
  16,
  writeSame16Flags,
  'NUMBER_OF_LOGICAL_BLOCKS',
);

/** ORWRITE(16) (SBC-3 5.7). */
export const ORWRITE_16: CdbDefinition<OrWriteCdb> = blockCdb('ORWRITE', 0x8b, 16, orWriteFlags);
/** PRE-FETCH(10) (SBC-3 5.8). */
export const PRE_FETCH_10: CdbDefinition<PreFetchCdb> = blockCdb(
  'PRE-FETCH',
  0x34,
  10,
  synchronizeFlags,
  'PREFETCH_LENGTH',
);
/** PRE-FETCH(16) (SBC-3 5.9). */
export const PRE_FETCH_16: CdbDefinition<PreFetchCdb> = blockCdb(
  'PRE-FETCH',
  0x90,
  16,
  synchronizeFlags,
  'PREFETCH_LENGTH',
);

/** COMPARE AND WRITE (SBC-3 5.2). */
export const COMPARE_AND_WRITE: CdbDefinition<CompareAndWriteCdb> = defineCdb(
  'COMPARE AND WRITE',
  { operationCode: 0x89 },
  16,
  [
    opcode,
    writeFlags,
    nu64be('LOGICAL_BLOCK_ADDRESS'),
    bytes(3),
    u8('NUMBER_OF_LOGICAL_BLOCKS'),
    group,
    control,
  ],
);

/** WRITE ATOMIC(16) (SBC-4 5.48). */
export const WRITE_ATOMIC_16: CdbDefinition<WriteAtomicCdb> = defineCdb(
  'WRITE ATOMIC (16)',
  { operationCode: 0x9c },
  16,
  [
    opcode,
    writeFlags,
    nu64be('LOGICAL_BLOCK_ADDRESS'),
    u16be('ATOMIC_BOUNDARY'),
    u16be('TRANSFER_LENGTH'),
    group,
    control,
  ],
);

/** READ CAPACITY(16), a service action of SERVICE ACTION IN(16) (SBC-3 5.16). */
export const READ_CAPACITY_16: CdbDefinition<ReadCapacity16Cdb> = defineCdb(
  'READ CAPACITY (16)',
  { operationCode: 0x9e, serviceAction: 0x10 },
  16,
  [opcode, action, bytes(8), u32be('ALLOCATION_LENGTH'), bytes(1), control],
);

/** GET LBA STATUS, a service action of SERVICE ACTION IN(16) (SBC-3 5.6). */
export const GET_LBA_STATUS: CdbDefinition<GetLbaStatusCdb> = defineCdb(
  'GET LBA STATUS',
  { operationCode: 0x9e, serviceAction: 0x12 },
  16,
  [opcode, action, nu64be('STARTING_LOGICAL_BLOCK_ADDRESS'), u32be('ALLOCATION_LENGTH'), bytes(1), control],
);
