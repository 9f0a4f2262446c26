import { u32be, u8 } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { action, control, opcode } from './common-fields.ts';

/** Operation codes whose service actions are the third-party copy commands (SPC-4 table 107). */
const THIRD_PARTY_COPY_OUT = 0x83;
const THIRD_PARTY_COPY_IN = 0x84;

/** Fields of EXTENDED COPY of both kinds. */
export interface ExtendedCopyCdb {
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

/** Fields of POPULATE TOKEN and WRITE USING TOKEN. */
export interface TokenCdb {
  /** 32 bits; one for all third-party copy commands of a nexus. */
  LIST_IDENTIFIER: number;
  PARAMETER_LIST_LENGTH: number;
  GROUP_NUMBER: number;
  CONTROL: number;
}

/** Fields of COPY OPERATION ABORT. */
export interface CopyOperationAbortCdb {
  LIST_IDENTIFIER: number;
  CONTROL: number;
}

/** Fields of the commands that ask for the results of a third-party copy command by its list identifier. */
export interface ReceiveCopyCdb {
  /** 8 bits with LID1, 32 bits otherwise. */
  LIST_IDENTIFIER: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** Fields of the commands that ask for something of the copy manager itself. */
export interface ReportCopyCdb {
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

function extendedCopy(name: string, serviceAction: number): CdbDefinition<ExtendedCopyCdb> {
  const fields = [opcode, action, bytes(8), u32be('PARAMETER_LIST_LENGTH'), bytes(1), control];
  return defineCdb(name, { operationCode: THIRD_PARTY_COPY_OUT, serviceAction }, 16, fields);
}

function token(name: string, serviceAction: number): CdbDefinition<TokenCdb> {
  const lengths = [u32be('LIST_IDENTIFIER'), u32be('PARAMETER_LIST_LENGTH')];
  const fields = [opcode, action, bytes(4), ...lengths, flags('RESERVED:2', 'GROUP_NUMBER:6'), control];
  return defineCdb(name, { operationCode: THIRD_PARTY_COPY_OUT, serviceAction }, 16, fields);
}

function receive(name: string, serviceAction: number, lid1: boolean): CdbDefinition<ReceiveCopyCdb> {
  const identifier = lid1 ? [u8('LIST_IDENTIFIER'), bytes(7)] : [u32be('LIST_IDENTIFIER'), bytes(4)];
  const fields = [opcode, action, ...identifier, u32be('ALLOCATION_LENGTH'), bytes(1), control];
  return defineCdb(name, { operationCode: THIRD_PARTY_COPY_IN, serviceAction }, 16, fields);
}

function report(name: string, serviceAction: number): CdbDefinition<ReportCopyCdb> {
  const fields = [opcode, action, bytes(8), u32be('ALLOCATION_LENGTH'), bytes(1), control];
  return defineCdb(name, { operationCode: THIRD_PARTY_COPY_IN, serviceAction }, 16, fields);
}

/** EXTENDED COPY(LID1) (SPC-4 6.5). */
export const EXTENDED_COPY_LID1: CdbDefinition<ExtendedCopyCdb> = extendedCopy('EXTENDED COPY(LID1)', 0x00);

/** EXTENDED COPY(LID4) (SPC-4 6.4), which SPC-5 calls EXTENDED COPY. */
export const EXTENDED_COPY: CdbDefinition<ExtendedCopyCdb> = extendedCopy('EXTENDED COPY', 0x01);

/** POPULATE TOKEN (SBC-3 5.8). */
export const POPULATE_TOKEN: CdbDefinition<TokenCdb> = token('POPULATE TOKEN', 0x10);

/** WRITE USING TOKEN (SBC-3 5.47). */
export const WRITE_USING_TOKEN: CdbDefinition<TokenCdb> = token('WRITE USING TOKEN', 0x11);

/** COPY OPERATION ABORT (SPC-4 6.3). */
export const COPY_OPERATION_ABORT: CdbDefinition<CopyOperationAbortCdb> = defineCdb(
  'COPY OPERATION ABORT',
  { operationCode: THIRD_PARTY_COPY_OUT, serviceAction: 0x1c },
  16,
  [opcode, action, u32be('LIST_IDENTIFIER'), bytes(9), control],
);

/** RECEIVE COPY STATUS(LID1) (SPC-4 6.25). */
export const RECEIVE_COPY_STATUS_LID1: CdbDefinition<ReceiveCopyCdb> = receive(
  'RECEIVE COPY STATUS(LID1)',
  0x00,
  true,
);

/** RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.22). */
export const RECEIVE_COPY_OPERATING_PARAMETERS: CdbDefinition<ReportCopyCdb> = report(
  'RECEIVE COPY OPERATING PARAMETERS',
  0x03,
);

/** RECEIVE COPY FAILURE DETAILS(LID1) (SPC-4 6.23). */
export const RECEIVE_COPY_FAILURE_DETAILS_LID1: CdbDefinition<ReceiveCopyCdb> = receive(
  'RECEIVE COPY FAILURE DETAILS(LID1)',
  0x04,
  true,
);

/** RECEIVE COPY STATUS(LID4) (SPC-4 6.24), which SPC-5 calls RECEIVE COPY STATUS. */
export const RECEIVE_COPY_STATUS: CdbDefinition<ReceiveCopyCdb> = receive('RECEIVE COPY STATUS', 0x05, false);

/** RECEIVE ROD TOKEN INFORMATION (SPC-4 6.26). */
export const RECEIVE_ROD_TOKEN_INFORMATION: CdbDefinition<ReceiveCopyCdb> = receive(
  'RECEIVE ROD TOKEN INFORMATION',
  0x07,
  false,
);

/** REPORT ALL ROD TOKENS (SPC-4 6.31). */
export const REPORT_ALL_ROD_TOKENS: CdbDefinition<ReportCopyCdb> = report('REPORT ALL ROD TOKENS', 0x08);
