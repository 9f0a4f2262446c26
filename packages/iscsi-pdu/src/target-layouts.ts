import { u16be, u24be, u32be, u8 } from 'buffer-layout';
import { basicHeader, bits, lun, reserved, sessionId, statusNumbering } from './header-layout.ts';
import type { PduLayout } from './header-layout.ts';
import { Opcode, RESERVED_TAG } from './opcodes.ts';
import type { TargetPdu } from './pdu.ts';

const NOT_IMMEDIATE = { immediate: false };
const FINAL = { ...NOT_IMMEDIATE, final: true };
const NO_TASK = { ...FINAL, initiatorTaskTag: RESERVED_TAG };

/**
 * The PDUs that a target sends, declared field by field (RFC 7143 §11.4, §11.6 to §11.9, §11.11, §11.13,
 * §11.15, §11.17, §11.19; RFC 7144 §5.2).
 */
export const targetLayouts: Record<TargetPdu['type'], PduLayout> = {
  'nop-in': {
    opcode: Opcode.NOP_IN,
    header: basicHeader(
      bits('final', 7),
      [reserved(2)],
      [lun(), u32be('initiatorTaskTag'), u32be('targetTransferTag'), ...statusNumbering(), reserved(12)],
    ),
    fixed: FINAL,
    hasData: true,
  },
  'scsi-response': {
    opcode: Opcode.SCSI_RESPONSE,
    header: basicHeader(
      bits('final', 2, 'bidirectionalOverflow', 'bidirectionalUnderflow', 'overflow', 'underflow', 1),
      [u8('response'), u8('status')],
      [
        u16be('statusQualifier'),
        reserved(6),
        u32be('initiatorTaskTag'),
        u32be('snackTag'),
        ...statusNumbering(),
        u32be('expDataSn'),
        u32be('bidirectionalResidualCount'),
        u32be('residualCount'),
      ],
    ),
    fixed: FINAL,
    hasData: true,
  },
  'task-management-response': {
    opcode: Opcode.TASK_MANAGEMENT_RESPONSE,
    header: basicHeader(
      bits('final', 7),
      [u8('response'), reserved(1)],
      [
        u24be('additionalResponse'),
        reserved(5),
        u32be('initiatorTaskTag'),
        reserved(4),
        ...statusNumbering(),
        reserved(12),
      ],
    ),
    fixed: FINAL,
    hasData: false,
  },
  'login-response': {
    opcode: Opcode.LOGIN_RESPONSE,
    header: basicHeader(
      bits('transit', 'continue', 2, ['csg', 2], ['nsg', 2]),
      [u8('versionMax'), u8('versionActive')],
      [
        ...sessionId(),
        u32be('initiatorTaskTag'),
        reserved(4),
        ...statusNumbering(),
        u8('statusClass'),
        u8('statusDetail'),
        reserved(10),
      ],
    ),
    fixed: NOT_IMMEDIATE,
    hasData: true,
  },
  'text-response': {
    opcode: Opcode.TEXT_RESPONSE,
    header: basicHeader(
      bits('final', 'continue', 6),
      [reserved(2)],
      [lun(), u32be('initiatorTaskTag'), u32be('targetTransferTag'), ...statusNumbering(), reserved(12)],
    ),
    fixed: NOT_IMMEDIATE,
    hasData: true,
  },
  'data-in': {
    opcode: Opcode.DATA_IN,
    header: basicHeader(
      bits('final', 'acknowledge', 3, 'overflow', 'underflow', 'hasStatus'),
      [reserved(1), u8('status')],
      [
        lun(),
        u32be('initiatorTaskTag'),
        u32be('targetTransferTag'),
        ...statusNumbering(),
        u32be('dataSn'),
        u32be('bufferOffset'),
        u32be('residualCount'),
      ],
    ),
    fixed: NOT_IMMEDIATE,
    hasData: true,
  },
  'logout-response': {
    opcode: Opcode.LOGOUT_RESPONSE,
    header: basicHeader(
      bits('final', 7),
      [u8('response'), reserved(1)],
      [
        reserved(8),
        u32be('initiatorTaskTag'),
        reserved(4),
        ...statusNumbering(),
        reserved(4),
        u16be('time2Wait'),
        u16be('time2Retain'),
        reserved(4),
      ],
    ),
    fixed: FINAL,
    hasData: false,
  },
  r2t: {
    opcode: Opcode.R2T,
    header: basicHeader(
      bits('final', 7),
      [reserved(2)],
      [
        lun(),
        u32be('initiatorTaskTag'),
        u32be('targetTransferTag'),
        ...statusNumbering(),
        u32be('r2tSn'),
        u32be('bufferOffset'),
        u32be('desiredDataTransferLength'),
      ],
    ),
    fixed: FINAL,
    hasData: false,
  },
  'async-message': {
    opcode: Opcode.ASYNC_MESSAGE,
    header: basicHeader(
      bits('final', 7),
      [reserved(2)],
      [
        lun(),
        u32be('initiatorTaskTag'),
        reserved(4),
        ...statusNumbering(),
        u8('asyncEvent'),
        u8('asyncVCode'),
        u16be('parameter1'),
        u16be('parameter2'),
        u16be('parameter3'),
        reserved(4),
      ],
    ),
    fixed: NO_TASK,
    hasData: true,
  },
  reject: {
    opcode: Opcode.REJECT,
    header: basicHeader(
      bits('final', 7),
      [u8('reason'), reserved(1)],
      [
        reserved(8),
        u32be('initiatorTaskTag'),
        reserved(4),
        ...statusNumbering(),
        u32be('dataSn'),
        reserved(8),
      ],
    ),
    fixed: NO_TASK,
    hasData: true,
  },
};
