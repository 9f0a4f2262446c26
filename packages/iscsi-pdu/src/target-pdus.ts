/** What every response carries: its own number, and the command window (RFC 7143 §4.2.2). */
export interface StatusNumbering {
  statSn: number;
  expCmdSn: number;
  maxCmdSn: number;
}

/** NOP-In: the echo of a ping, a ping, or a bare update of the command window (RFC 7143 §11.19). */
export interface NopInPdu extends StatusNumbering {
  type: 'nop-in';
  lun: Uint8Array;
  initiatorTaskTag: number;
  targetTransferTag: number;
  data: Uint8Array;
}

/** SCSI Response (RFC 7143 §11.4). */
export interface ScsiResponsePdu extends StatusNumbering {
  type: 'scsi-response';
  bidirectionalOverflow: boolean;
  bidirectionalUnderflow: boolean;
  overflow: boolean;
  underflow: boolean;
  /** Service response ({@link ScsiResponseCode}). */
  response: number;
  /** SCSI status. */
  status: number;
  /** More about the status (SAM-5 5.3.2); 0 unless iSCSIProtocolLevel is 2 (RFC 7144 §5.2.1). */
  statusQualifier: number;
  initiatorTaskTag: number;
  snackTag: number;
  expDataSn: number;
  bidirectionalResidualCount: number;
  residualCount: number;
  /** SenseLength, sense data and response data; see `splitSense` and `joinSense`. */
  data: Uint8Array;
}

/** Task Management Function Response (RFC 7143 §11.6). */
export interface TaskManagementResponsePdu extends StatusNumbering {
  type: 'task-management-response';
  /** {@link TaskManagementResult}. */
  response: number;
  /** 24 bits that SAM-5 defines for QUERY TASK and QUERY ASYNCHRONOUS EVENT (RFC 7144 §6.4.1), else 0. */
  additionalResponse: number;
  initiatorTaskTag: number;
}

/** Login Response (RFC 7143 §11.13). */
export interface LoginResponsePdu extends StatusNumbering {
  type: 'login-response';
  transit: boolean;
  continue: boolean;
  csg: number;
  nsg: number;
  versionMax: number;
  versionActive: number;
  /** 6 bytes. */
  isid: Uint8Array;
  tsih: number;
  initiatorTaskTag: number;
  /** The two halves of a {@link LoginStatus}. */
  statusClass: number;
  statusDetail: number;
  data: Uint8Array;
}

/** Text Response (RFC 7143 §11.11). */
export interface TextResponsePdu extends StatusNumbering {
  type: 'text-response';
  final: boolean;
  continue: boolean;
  lun: Uint8Array;
  initiatorTaskTag: number;
  targetTransferTag: number;
  data: Uint8Array;
}

/** SCSI Data-In (RFC 7143 §11.7). */
export interface DataInPdu extends StatusNumbering {
  type: 'data-in';
  final: boolean;
  acknowledge: boolean;
  overflow: boolean;
  underflow: boolean;
  /** The S bit: `status`, `statSn` and `residualCount` are meaningful. */
  hasStatus: boolean;
  status: number;
  lun: Uint8Array;
  initiatorTaskTag: number;
  targetTransferTag: number;
  dataSn: number;
  bufferOffset: number;
  residualCount: number;
  data: Uint8Array;
}

/** Logout Response (RFC 7143 §11.15). */
export interface LogoutResponsePdu extends StatusNumbering {
  type: 'logout-response';
  /** {@link LogoutResult}. */
  response: number;
  initiatorTaskTag: number;
  /** Seconds. */
  time2Wait: number;
  /** Seconds. */
  time2Retain: number;
}

/** Ready To Transfer (RFC 7143 §11.8). */
export interface R2tPdu extends StatusNumbering {
  type: 'r2t';
  lun: Uint8Array;
  initiatorTaskTag: number;
  targetTransferTag: number;
  r2tSn: number;
  bufferOffset: number;
  desiredDataTransferLength: number;
}

/** Asynchronous Message (RFC 7143 §11.9). Its Initiator Task Tag is always `RESERVED_TAG`. */
export interface AsyncMessagePdu extends StatusNumbering {
  type: 'async-message';
  lun: Uint8Array;
  /** {@link AsyncEvent}, or 248 to 255. */
  asyncEvent: number;
  asyncVCode: number;
  parameter1: number;
  parameter2: number;
  parameter3: number;
  /** SenseLength, sense data and event data; see `splitSense` and `joinSense`. */
  data: Uint8Array;
}

/** Reject (RFC 7143 §11.17). Its Initiator Task Tag is always `RESERVED_TAG`. */
export interface RejectPdu extends StatusNumbering {
  type: 'reject';
  /** {@link RejectReason}. */
  reason: number;
  /** DataSN or R2TSN that the target would send next; only for a rejected Data/R2T SNACK. */
  dataSn: number;
  /** The complete header (48 bytes, and its AHS) of the rejected PDU. */
  data: Uint8Array;
}
