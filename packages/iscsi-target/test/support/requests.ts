import {
  NO_TTT,
  SnackType,
  TaskManagementFunction,
  encodeText,
  type LogoutRequestPdu,
  type NopOutPdu,
  type SnackPdu,
  type TargetPdu,
  type TaskManagementRequestPdu,
  type TextRequestPdu,
} from '@lunbox/iscsi-pdu';
import type { TestInitiator } from './initiator.ts';

const NO_LUN = new Uint8Array(8);
const RESERVED = 0xffffffff;

/** A ping with a fresh tag, as an immediate command. */
export function nopOut(from: TestInitiator, fields: Partial<NopOutPdu> = {}): NopOutPdu {
  return {
    type: 'nop-out',
    immediate: true,
    lun: NO_LUN,
    initiatorTaskTag: from.newTag(),
    targetTransferTag: NO_TTT,
    cmdSn: from.cmdSn,
    expStatSn: from.expStatSn,
    data: new Uint8Array(0),
    ...fields,
  };
}

/** A NOP-Out that does no more than acknowledge what has come. */
export function acknowledgement(from: TestInitiator): NopOutPdu {
  return nopOut(from, { initiatorTaskTag: RESERVED });
}

/** A Text Request with its F bit set, as an immediate command. */
export function textRequest(
  from: TestInitiator,
  keys: Record<string, string>,
  fields: Partial<TextRequestPdu> = {},
): TextRequestPdu {
  return {
    type: 'text-request',
    immediate: true,
    final: true,
    continue: false,
    lun: NO_LUN,
    initiatorTaskTag: from.newTag(),
    targetTransferTag: NO_TTT,
    cmdSn: from.cmdSn,
    expStatSn: from.expStatSn,
    data: encodeText(Object.entries(keys)),
    ...fields,
  };
}

/** A Logout Request, as an immediate command. */
export function logoutRequest(
  from: TestInitiator,
  reason: number,
  cid = 0,
  fields: Partial<LogoutRequestPdu> = {},
): LogoutRequestPdu {
  return {
    type: 'logout-request',
    immediate: true,
    reason,
    initiatorTaskTag: from.newTag(),
    cid,
    cmdSn: from.cmdSn,
    expStatSn: from.expStatSn,
    ...fields,
  };
}

/** A task management request for LUN 0, as an immediate command; ABORT TASK unless `fields` say otherwise. */
export function taskManagement(
  from: TestInitiator,
  fields: Partial<TaskManagementRequestPdu>,
): TaskManagementRequestPdu {
  return {
    type: 'task-management-request',
    immediate: true,
    function: TaskManagementFunction.ABORT_TASK,
    lun: NO_LUN,
    initiatorTaskTag: from.newTag(),
    referencedTaskTag: RESERVED,
    refCmdSn: 0,
    expDataSn: 0,
    cmdSn: from.cmdSn,
    expStatSn: from.expStatSn,
    ...fields,
  };
}

/** A SNACK for data; it acknowledges nothing. */
export function snackRequest(fields: Partial<SnackPdu>): SnackPdu {
  return {
    type: 'snack',
    snackType: SnackType.DATA_OR_R2T,
    lun: NO_LUN,
    initiatorTaskTag: RESERVED,
    targetTransferTag: RESERVED,
    expStatSn: 0,
    begRun: 0,
    runLength: 0,
    ...fields,
  };
}

/** Types of PDUs, in their order. */
export function typesOf(pdus: readonly TargetPdu[]): string[] {
  return pdus.map((pdu) => pdu.type);
}

/** The PDUs of one type. */
export function ofType<K extends TargetPdu['type']>(
  pdus: readonly TargetPdu[],
  type: K,
): Extract<TargetPdu, { type: K }>[] {
  return pdus.filter((pdu) => pdu.type === type) as Extract<TargetPdu, { type: K }>[];
}
