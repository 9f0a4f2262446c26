import {
  AsyncEvent,
  LoginStage,
  LogoutReason,
  LogoutResult,
  RejectReason,
  ScsiResponseCode,
  SnackType,
  TaskAttributeCode,
  TaskManagementFunction,
  TaskManagementResult,
} from './codes.ts';
import { NO_TTT, RESERVED_TAG } from './opcodes.ts';

/** How one field is shown to people. */
export interface FieldWords {
  /** The field's name in RFC 7143. */
  readonly label: string;
  /** The value that the one-line form passes over. */
  readonly quiet?: number;
  readonly format: (value: number) => string;
}

const decimal = (value: number): string => String(value);
const bytes = (value: number): string => `${value} B`;
const seconds = (value: number): string => `${value} s`;
const tag = (value: number): string => (value === NO_TTT ? 'none' : hex(value, 8));
const code = (value: number): string => hex(value, 2);

/** `0x` and at least `digits` hexadecimal digits. */
export function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** Formats a code by its name in a table: `PROTOCOL_ERROR` becomes `0x04 protocol error`. */
function named(table: Readonly<Record<string, number>>): (value: number) => string {
  const names = new Map(Object.entries(table).map(([name, value]) => [value, name]));
  return (value) => {
    const name = names.get(value)?.toLowerCase().replaceAll('_', ' ') ?? 'not assigned';
    return `${hex(value, 2)} ${name}`;
  };
}

/**
 * The words for every number field of every PDU, by field name, in the order in which they are told; a name
 * with a type before it (`reject.reason`) goes before the bare one.
 */
export const fieldWords: Readonly<Record<string, FieldWords>> = {
  initiatorTaskTag: { label: 'ITT', quiet: RESERVED_TAG, format: tag },
  targetTransferTag: { label: 'TTT', quiet: NO_TTT, format: tag },
  attribute: { label: 'ATTR', format: named(TaskAttributeCode) },
  priority: { label: 'PRI', quiet: 0, format: decimal },
  function: { label: 'Function', format: named(TaskManagementFunction) },
  referencedTaskTag: { label: 'Referenced Task Tag', quiet: RESERVED_TAG, format: tag },
  snackType: { label: 'Type', format: named(SnackType) },
  'logout-request.reason': { label: 'Reason', format: named(LogoutReason) },
  'reject.reason': { label: 'Reason', format: named(RejectReason) },
  'scsi-response.response': { label: 'Response', quiet: 0, format: named(ScsiResponseCode) },
  'task-management-response.response': { label: 'Response', format: named(TaskManagementResult) },
  additionalResponse: { label: 'Additional Response', quiet: 0, format: code },
  'logout-response.response': { label: 'Response', format: named(LogoutResult) },
  status: { label: 'Status', format: code },
  statusQualifier: { label: 'Status Qualifier', quiet: 0, format: (value) => hex(value, 4) },
  csg: { label: 'CSG', format: named(LoginStage) },
  nsg: { label: 'NSG', quiet: 0, format: named(LoginStage) },
  statusClass: { label: 'Status-Class', format: code },
  statusDetail: { label: 'Status-Detail', format: code },
  asyncEvent: { label: 'AsyncEvent', format: named(AsyncEvent) },
  asyncVCode: { label: 'AsyncVCode', quiet: 0, format: code },
  parameter1: { label: 'Parameter1', quiet: 0, format: decimal },
  parameter2: { label: 'Parameter2', quiet: 0, format: decimal },
  parameter3: { label: 'Parameter3', quiet: 0, format: decimal },
  expectedDataTransferLength: { label: 'Expected Data Transfer Length', quiet: 0, format: bytes },
  bidirectionalReadLength: { label: 'Bidirectional Read Expected Data Transfer Length', format: bytes },
  desiredDataTransferLength: { label: 'Desired Data Transfer Length', format: bytes },
  bufferOffset: { label: 'Buffer Offset', format: decimal },
  residualCount: { label: 'Residual Count', quiet: 0, format: bytes },
  bidirectionalResidualCount: { label: 'Bidirectional Read Residual Count', quiet: 0, format: bytes },
  versionMax: { label: 'Version-max', quiet: 0, format: code },
  versionMin: { label: 'Version-min', quiet: 0, format: code },
  versionActive: { label: 'Version-active', quiet: 0, format: code },
  tsih: { label: 'TSIH', format: (value) => hex(value, 4) },
  cid: { label: 'CID', format: decimal },
  time2Wait: { label: 'Time2Wait', quiet: 0, format: seconds },
  time2Retain: { label: 'Time2Retain', quiet: 0, format: seconds },
  dataSn: { label: 'DataSN', format: decimal },
  r2tSn: { label: 'R2TSN', format: decimal },
  refCmdSn: { label: 'RefCmdSN', quiet: 0, format: decimal },
  expDataSn: { label: 'ExpDataSN', quiet: 0, format: decimal },
  snackTag: { label: 'SNACK Tag', quiet: 0, format: tag },
  begRun: { label: 'BegRun', format: decimal },
  runLength: { label: 'RunLength', format: decimal },
  cmdSn: { label: 'CmdSN', format: decimal },
  expStatSn: { label: 'ExpStatSN', format: decimal },
  statSn: { label: 'StatSN', format: decimal },
  expCmdSn: { label: 'ExpCmdSN', format: decimal },
  maxCmdSn: { label: 'MaxCmdSN', format: decimal },
};

/** The words for every flag, by field name. */
export const flagWords: Readonly<Record<string, string>> = {
  immediate: 'Immediate',
  final: 'Final',
  transit: 'Transit',
  continue: 'Continue',
  read: 'Read',
  write: 'Write',
  acknowledge: 'Acknowledge',
  hasStatus: 'Status',
  overflow: 'Overflow',
  underflow: 'Underflow',
  bidirectionalOverflow: 'Bidirectional Overflow',
  bidirectionalUnderflow: 'Bidirectional Underflow',
};

/** The words for every byte field but the data segment, by field name. */
export const octetWords: Readonly<Record<string, string>> = { lun: 'LUN', isid: 'ISID', cdb: 'CDB' };
