/** What every request carries to keep commands in order (RFC 7143 §4.2.2). */
export interface CommandNumbering {
  cmdSn: number;
  expStatSn: number;
}

/** NOP-Out: a ping, the answer to a ping, or a bare acknowledgement (RFC 7143 §11.18). */
export interface NopOutPdu extends CommandNumbering {
  type: 'nop-out';
  immediate: boolean;
  /** 8 bytes; copied from the NOP-In when `targetTransferTag` is set. */
  lun: Uint8Array;
  /** `RESERVED_TAG` when no answer is wanted. */
  initiatorTaskTag: number;
  targetTransferTag: number;
  /** Ping data, to be echoed. */
  data: Uint8Array;
}

/** SCSI Command (RFC 7143 §11.3) with its Additional Header Segments (§11.2.2) taken apart. */
export interface ScsiCommandPdu extends CommandNumbering {
  type: 'scsi-command';
  immediate: boolean;
  final: boolean;
  read: boolean;
  write: boolean;
  /** 0 to 7 ({@link TaskAttributeCode}). */
  attribute: number;
  /** 0 to 15: how much the command matters beside others; 0 unless iSCSIProtocolLevel is 2 (RFC 7144 §5.1.1). */
  priority: number;
  /** 8 bytes as SAM-5 formats them. */
  lun: Uint8Array;
  initiatorTaskTag: number;
  /** Bytes; of the write part when both `read` and `write` are set. */
  expectedDataTransferLength: number;
  /** 16 bytes, or 17 to 260 when the command has an Extended CDB AHS. */
  cdb: Uint8Array;
  /** Bytes of the read part of a bidirectional command (its own AHS). */
  bidirectionalReadLength?: number;
  /** Immediate data. */
  data: Uint8Array;
}

/** Task Management Function Request (RFC 7143 §11.5). */
export interface TaskManagementRequestPdu extends CommandNumbering {
  type: 'task-management-request';
  immediate: boolean;
  /** 0 to 127 ({@link TaskManagementFunction}). */
  function: number;
  lun: Uint8Array;
  initiatorTaskTag: number;
  /** `RESERVED_TAG` unless the function is ABORT TASK, QUERY TASK or TASK REASSIGN. */
  referencedTaskTag: number;
  refCmdSn: number;
  expDataSn: number;
}

/** Login Request (RFC 7143 §11.12). Always immediate. */
export interface LoginRequestPdu extends CommandNumbering {
  type: 'login-request';
  transit: boolean;
  /** The C bit: the text goes on in the next Login Request. */
  continue: boolean;
  /** Current and next stage, 0 to 3 ({@link LoginStage}). */
  csg: number;
  nsg: number;
  versionMax: number;
  versionMin: number;
  /** 6 bytes. */
  isid: Uint8Array;
  /** 0 asks for a new session. */
  tsih: number;
  initiatorTaskTag: number;
  cid: number;
  /** Login parameters, key=value text. */
  data: Uint8Array;
}

/** Text Request (RFC 7143 §11.10). */
export interface TextRequestPdu extends CommandNumbering {
  type: 'text-request';
  immediate: boolean;
  final: boolean;
  continue: boolean;
  lun: Uint8Array;
  initiatorTaskTag: number;
  targetTransferTag: number;
  /** Key=value text. */
  data: Uint8Array;
}

/** SCSI Data-Out (RFC 7143 §11.7). */
export interface DataOutPdu {
  type: 'data-out';
  final: boolean;
  lun: Uint8Array;
  initiatorTaskTag: number;
  targetTransferTag: number;
  expStatSn: number;
  dataSn: number;
  bufferOffset: number;
  data: Uint8Array;
}

/** Logout Request (RFC 7143 §11.14). */
export interface LogoutRequestPdu extends CommandNumbering {
  type: 'logout-request';
  immediate: boolean;
  /** 0 to 127 ({@link LogoutReason}). */
  reason: number;
  initiatorTaskTag: number;
  cid: number;
}

/** SNACK Request (RFC 7143 §11.16). */
export interface SnackPdu {
  type: 'snack';
  /** 0 to 15 ({@link SnackType}). */
  snackType: number;
  lun: Uint8Array;
  initiatorTaskTag: number;
  /** Target Transfer Tag of a DataACK, SNACK Tag of an R-Data SNACK, else `RESERVED_TAG`. */
  targetTransferTag: number;
  expStatSn: number;
  begRun: number;
  runLength: number;
}
