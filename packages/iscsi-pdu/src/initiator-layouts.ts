import { u16be, u32be, u8 } from 'buffer-layout';
import { basicHeader, bits, commandNumbering, lun, Octets, reserved, sessionId } from './header-layout.ts';
import type { PduLayout } from './header-layout.ts';
import { Opcode } from './opcodes.ts';
import type { InitiatorPdu } from './pdu.ts';

const FINAL = { final: true };
const NOT_IMMEDIATE = { immediate: false };

/**
 * The PDUs that an initiator sends, declared field by field (RFC 7143 §11.3, §11.5, §11.7, §11.10, §11.12,
 * §11.14, §11.16, §11.18).
 */
export const initiatorLayouts: Record<InitiatorPdu['type'], PduLayout> = {
  'nop-out': {
    opcode: Opcode.NOP_OUT,
    header: basicHeader(
      bits('final', 7),
      [reserved(2)],
      [lun(), u32be('initiatorTaskTag'), u32be('targetTransferTag'), ...commandNumbering(), reserved(16)],
    ),
    fixed: FINAL,
    hasData: true,
  },
  'scsi-command': {
    opcode: Opcode.SCSI_COMMAND,
    header: basicHeader(
      bits('final', 'read', 'write', 2, ['attribute', 3]),
      [bits(['priority', 4], 4), reserved(1)],
      [
        lun(),
        u32be('initiatorTaskTag'),
        u32be('expectedDataTransferLength'),
        ...commandNumbering(),
        new Octets(16, 'cdb'),
      ],
    ),
    fixed: {},
    hasData: true,
  },
  'task-management-request': {
    opcode: Opcode.TASK_MANAGEMENT_REQUEST,
    header: basicHeader(
      bits('final', ['function', 7]),
      [reserved(2)],
      [
        lun(),
        u32be('initiatorTaskTag'),
        u32be('referencedTaskTag'),
        ...commandNumbering(),
        u32be('refCmdSn'),
        u32be('expDataSn'),
        reserved(8),
      ],
    ),
    fixed: FINAL,
    hasData: false,
  },
  'login-request': {
    opcode: Opcode.LOGIN_REQUEST,
    header: basicHeader(
      bits('transit', 'continue', 2, ['csg', 2], ['nsg', 2]),
      [u8('versionMax'), u8('versionMin')],
      [
        ...sessionId(),
        u32be('initiatorTaskTag'),
        u16be('cid'),
        reserved(2),
        ...commandNumbering(),
        reserved(16),
      ],
    ),
    fixed: { immediate: true },
    hasData: true,
  },
  'text-request': {
    opcode: Opcode.TEXT_REQUEST,
    header: basicHeader(
      bits('final', 'continue', 6),
      [reserved(2)],
      [lun(), u32be('initiatorTaskTag'), u32be('targetTransferTag'), ...commandNumbering(), reserved(16)],
    ),
    fixed: {},
    hasData: true,
  },
  'data-out': {
    opcode: Opcode.DATA_OUT,
    header: basicHeader(
      bits('final', 7),
      [reserved(2)],
      [
        lun(),
        u32be('initiatorTaskTag'),
        u32be('targetTransferTag'),
        reserved(4),
        u32be('expStatSn'),
        reserved(4),
        u32be('dataSn'),
        u32be('bufferOffset'),
        reserved(4),
      ],
    ),
    fixed: NOT_IMMEDIATE,
    hasData: true,
  },
  'logout-request': {
    opcode: Opcode.LOGOUT_REQUEST,
    header: basicHeader(
      bits('final', ['reason', 7]),
      [reserved(2)],
      [
        reserved(8),
        u32be('initiatorTaskTag'),
        u16be('cid'),
        reserved(2),
        ...commandNumbering(),
        reserved(16),
      ],
    ),
    fixed: FINAL,
    hasData: false,
  },
  snack: {
    opcode: Opcode.SNACK,
    header: basicHeader(
      bits('final', 3, ['snackType', 4]),
      [reserved(2)],
      [
        lun(),
        u32be('initiatorTaskTag'),
        u32be('targetTransferTag'),
        reserved(4),
        u32be('expStatSn'),
        reserved(8),
        u32be('begRun'),
        u32be('runLength'),
      ],
    ),
    fixed: { ...FINAL, ...NOT_IMMEDIATE },
    hasData: false,
  },
};
