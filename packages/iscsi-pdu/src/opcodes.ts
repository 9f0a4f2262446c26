/** Length of the Basic Header Segment in bytes (RFC 7143 §11.2.1). */
export const BHS_LENGTH = 48;

/**
 * Longest Additional Header Segments: TotalAHSLength counts 4-byte words in one byte (RFC 7143 §11.2.1.5).
 */
export const MAX_AHS_LENGTH = 1020;

/** Largest value of the 24-bit DataSegmentLength field (RFC 7143 §11.2.1.6). */
export const MAX_DATA_SEGMENT_LENGTH = 0xffffff;

/** The Initiator Task Tag that belongs to no task (RFC 7143 §11.2.1.8). */
export const RESERVED_TAG = 0xffffffff;

/** The Target Transfer Tag meaning "not supplied" (RFC 7143 §11.7.4, §11.18.2). */
export const NO_TTT = 0xffffffff;

/** PDU opcodes, the low six bits of byte 0 (RFC 7143 §11.2.1.2). */
export const Opcode = {
  NOP_OUT: 0x00,
  SCSI_COMMAND: 0x01,
  TASK_MANAGEMENT_REQUEST: 0x02,
  LOGIN_REQUEST: 0x03,
  TEXT_REQUEST: 0x04,
  DATA_OUT: 0x05,
  LOGOUT_REQUEST: 0x06,
  SNACK: 0x10,
  NOP_IN: 0x20,
  SCSI_RESPONSE: 0x21,
  TASK_MANAGEMENT_RESPONSE: 0x22,
  LOGIN_RESPONSE: 0x23,
  TEXT_RESPONSE: 0x24,
  DATA_IN: 0x25,
  LOGOUT_RESPONSE: 0x26,
  R2T: 0x31,
  ASYNC_MESSAGE: 0x32,
  REJECT: 0x3f,
} as const;
