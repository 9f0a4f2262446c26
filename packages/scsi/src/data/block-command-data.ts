import * as block from '../cdb/block-cdbs.ts';
import type { AnyCdbDefinition } from '../cdb/cdb-definition.ts';
import * as diagnostic from '../cdb/diagnostic-cdbs.ts';
import * as medium from '../cdb/medium-cdbs.ts';
import * as primary from '../cdb/primary-cdbs.ts';
import * as variableLength from '../cdb/variable-length-cdbs.ts';
import type { DataFormat } from '../description/data-format.ts';
import { returns, takes, withoutData, type CommandData } from './command-data-row.ts';
import { buildDefectList, parseDefectList, type DefectListSize } from './defect-list.ts';
import { buildFormatList, parseFormatList } from './format-list.ts';
import { buildLbaStatus, parseLbaStatus } from './lba-status.ts';
import { buildOverwriteList, parseOverwriteList } from './overwrite-list.ts';
import {
  buildReadCapacity10,
  buildReadCapacity16,
  parseReadCapacity10,
  parseReadCapacity16,
} from './read-capacity.ts';
import { buildUnmapList, parseUnmapList } from './unmap-list.ts';
const BLOCKS = 'logical blocks';

function takesBlocks(...cdbs: readonly AnyCdbDefinition[]): CommandData[] {
  return cdbs.map((cdb) => takes(cdb, BLOCKS));
}

function returnsBlocks(...cdbs: readonly AnyCdbDefinition[]): CommandData[] {
  return cdbs.map((cdb) => returns(cdb, BLOCKS));
}

function defects(size: DefectListSize): DataFormat {
  return {
    name: 'defect list',
    build: buildDefectList,
    parse: (data) => parseDefectList(size, data),
  };
}

/** The data of the commands of SBC. */
export const BLOCK_DATA: readonly CommandData[] = [
  ...returnsBlocks(block.READ_6, block.READ_10, block.READ_12, block.READ_16, variableLength.READ_32),
  ...takesBlocks(
    block.WRITE_6,
    block.WRITE_10,
    block.WRITE_12,
    block.WRITE_16,
    block.WRITE_AND_VERIFY_10,
    block.WRITE_AND_VERIFY_12,
    block.WRITE_AND_VERIFY_16,
    block.VERIFY_10,
    block.VERIFY_12,
    block.VERIFY_16,
    block.WRITE_SAME_10,
    block.WRITE_SAME_16,
    block.COMPARE_AND_WRITE,
    block.WRITE_ATOMIC_16,
    block.ORWRITE_16,
    variableLength.WRITE_32,
    variableLength.WRITE_AND_VERIFY_32,
    variableLength.WRITE_ATOMIC_32,
    variableLength.VERIFY_32,
    variableLength.WRITE_SAME_32,
  ),
  ...withoutData(
    block.SYNCHRONIZE_CACHE_10,
    block.SYNCHRONIZE_CACHE_16,
    block.PRE_FETCH_10,
    block.PRE_FETCH_16,
    primary.START_STOP_UNIT,
    primary.PREVENT_ALLOW_MEDIUM_REMOVAL,
    medium.SANITIZE_BLOCK_ERASE,
    medium.SANITIZE_EXIT_FAILURE_MODE,
    medium.REZERO_UNIT,
    medium.SEEK_6,
    medium.SEEK_10,
  ),
  returns(primary.READ_CAPACITY_10, {
    name: 'capacity (10)',
    build: buildReadCapacity10,
    parse: parseReadCapacity10,
  }),
  returns(block.READ_CAPACITY_16, {
    name: 'capacity (16)',
    build: buildReadCapacity16,
    parse: parseReadCapacity16,
  }),
  returns(block.GET_LBA_STATUS, {
    name: 'LBA status',
    build: buildLbaStatus,
    parse: parseLbaStatus,
    meanings: { status: { 0: 'mapped', 1: 'deallocated', 2: 'anchored' } },
  }),
  returns(diagnostic.READ_DEFECT_DATA_10, defects(10)),
  returns(diagnostic.READ_DEFECT_DATA_12, defects(12)),
  takes(primary.UNMAP, { name: 'UNMAP parameter list', build: buildUnmapList, parse: parseUnmapList }),
  takes(medium.FORMAT_UNIT, {
    name: 'FORMAT UNIT parameter list',
    build: buildFormatList,
    parse: (data, cdb) => parseFormatList(data, medium.FORMAT_UNIT.decode(cdb).LONGLIST === 1),
  }),
  takes(medium.SANITIZE_OVERWRITE, {
    name: 'overwrite parameter list',
    build: buildOverwriteList,
    parse: parseOverwriteList,
  }),
];
