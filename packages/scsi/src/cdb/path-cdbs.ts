import { nu64be, u32be } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { action, control, opcode } from './common-fields.ts';

/** Fields of REPORT TARGET PORT GROUPS. */
export interface ReportTargetPortGroupsCdb {
  /** See `PortGroupsFormat`: which header the answer has. */
  PARAMETER_DATA_FORMAT: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** REPORT TARGET PORT GROUPS, a service action of MAINTENANCE IN (SPC-4 6.37). */
export const REPORT_TARGET_PORT_GROUPS: CdbDefinition<ReportTargetPortGroupsCdb> = defineCdb(
  'REPORT TARGET PORT GROUPS',
  { operationCode: 0xa3, serviceAction: 0x0a },
  12,
  [
    opcode,
    flags('PARAMETER_DATA_FORMAT:3', 'SERVICE_ACTION:5'),
    bytes(4),
    u32be('ALLOCATION_LENGTH'),
    bytes(1),
    control,
  ],
);

/** Fields of SET TARGET PORT GROUPS. */
export interface SetTargetPortGroupsCdb {
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

/** SET TARGET PORT GROUPS, a service action of MAINTENANCE OUT (SPC-4 6.45). */
export const SET_TARGET_PORT_GROUPS: CdbDefinition<SetTargetPortGroupsCdb> = defineCdb(
  'SET TARGET PORT GROUPS',
  { operationCode: 0xa4, serviceAction: 0x0a },
  12,
  [opcode, action, bytes(4), u32be('PARAMETER_LIST_LENGTH'), bytes(1), control],
);

/** Fields of REPORT REFERRALS. */
export interface ReportReferralsCdb {
  LOGICAL_BLOCK_ADDRESS: number;
  ALLOCATION_LENGTH: number;
  /** 1: the segment of the address only, not those after it. */
  ONE_SEG: number;
  CONTROL: number;
}

/** REPORT REFERRALS, a service action of SERVICE ACTION IN(16) (SBC-3 5.18). */
export const REPORT_REFERRALS: CdbDefinition<ReportReferralsCdb> = defineCdb(
  'REPORT REFERRALS',
  { operationCode: 0x9e, serviceAction: 0x13 },
  16,
  [
    opcode,
    action,
    nu64be('LOGICAL_BLOCK_ADDRESS'),
    u32be('ALLOCATION_LENGTH'),
    flags('RESERVED:7', 'ONE_SEG'),
    control,
  ],
);
