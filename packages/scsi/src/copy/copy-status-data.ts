import { nu64be, u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { ROD_TOKEN_BYTES } from './rod-token.ts';

/** COPY OPERATION STATUS (SPC-4 table 249). */
export const CopyOperationStatus = {
  COMPLETED: 0x01,
  FAILED: 0x02,
  /** Less was written than asked for, as the ROD has no more. */
  COMPLETED_PARTIAL_TOKEN: 0x03,
  IN_FOREGROUND: 0x11,
  IN_BACKGROUND: 0x12,
  TERMINATED: 0x60,
} as const;

/** COPY COMMAND STATUS of RECEIVE COPY STATUS(LID1) (SPC-4 table 254). */
export const CopyCommandStatus = { IN_PROGRESS: 0x00, COMPLETED: 0x01, FAILED: 0x02 } as const;

/** TRANSFER COUNT UNITS (SPC-4 table 251). */
export const TransferCountUnits = { BYTES: 0x00, MEBIBYTES: 0x02, BLOCKS: 0xf1 } as const;

interface StatusLid1 {
  AVAILABLE_DATA: number;
  HDD: number;
  COPY_COMMAND_STATUS: number;
  SEGMENTS_PROCESSED: number;
  TRANSFER_COUNT_UNITS: number;
  TRANSFER_COUNT: number;
}

/** RECEIVE COPY STATUS(LID1) parameter data (SPC-4 table 253). */
const statusLid1: Structure<StatusLid1> = structure(12, [
  u32be('AVAILABLE_DATA'),
  flags('HDD', 'COPY_COMMAND_STATUS:7'),
  u16be('SEGMENTS_PROCESSED'),
  u8('TRANSFER_COUNT_UNITS'),
  u32be('TRANSFER_COUNT'),
]);

/** What RECEIVE COPY STATUS(LID1) tells of a copy. */
export interface CopyStatusLid1 {
  /** One of `CopyCommandStatus`. */
  readonly status: number;
  readonly segmentsProcessed: number;
  /** Bytes written; whole mebibytes of them beyond 4 GiB. */
  readonly transferredBytes: number;
}

const MEBIBYTE = 1024 * 1024;

/** RECEIVE COPY STATUS(LID1) parameter data. */
export function buildCopyStatusLid1(status: CopyStatusLid1): Uint8Array<ArrayBuffer> {
  const { transferredBytes } = status;
  const inBytes = transferredBytes <= 0xffff_ffff;
  return statusLid1.encode({
    AVAILABLE_DATA: statusLid1.spanBytes - 4,
    COPY_COMMAND_STATUS: status.status,
    SEGMENTS_PROCESSED: status.segmentsProcessed,
    TRANSFER_COUNT_UNITS: inBytes ? TransferCountUnits.BYTES : TransferCountUnits.MEBIBYTES,
    TRANSFER_COUNT: inBytes ? transferredBytes : Math.floor(transferredBytes / MEBIBYTE),
  });
}

/** Reads RECEIVE COPY STATUS(LID1) parameter data in bytes or mebibytes. */
export function parseCopyStatusLid1(data: Uint8Array): CopyStatusLid1 {
  const fields = statusLid1.decode(data);
  const unitBytes = fields.TRANSFER_COUNT_UNITS === TransferCountUnits.MEBIBYTES ? MEBIBYTE : 1;
  return {
    status: fields.COPY_COMMAND_STATUS,
    segmentsProcessed: fields.SEGMENTS_PROCESSED,
    transferredBytes: fields.TRANSFER_COUNT * unitBytes,
  };
}

interface StatusLid4 {
  AVAILABLE_DATA: number;
  RESPONSE_TO_SERVICE_ACTION: number;
  COPY_OPERATION_STATUS: number;
  OPERATION_COUNTER: number;
  ESTIMATED_STATUS_UPDATE_DELAY: number;
  EXTENDED_COPY_COMPLETION_STATUS: number;
  LENGTH_OF_THE_SENSE_DATA_FIELD: number;
  SENSE_DATA_LENGTH: number;
  TRANSFER_COUNT_UNITS: number;
  TRANSFER_COUNT: number;
  SEGMENTS_PROCESSED: number;
}

/** The shared third-party copy status header (SPC-4 table 248). */
const statusLid4: Structure<StatusLid4> = structure(32, [
  u32be('AVAILABLE_DATA'),
  flags('RESERVED:3', 'RESPONSE_TO_SERVICE_ACTION:5'),
  flags('RESERVED', 'COPY_OPERATION_STATUS:7'),
  u16be('OPERATION_COUNTER'),
  u32be('ESTIMATED_STATUS_UPDATE_DELAY'),
  u8('EXTENDED_COPY_COMPLETION_STATUS'),
  u8('LENGTH_OF_THE_SENSE_DATA_FIELD'),
  u8('SENSE_DATA_LENGTH'),
  u8('TRANSFER_COUNT_UNITS'),
  nu64be('TRANSFER_COUNT'),
  u16be('SEGMENTS_PROCESSED'),
  bytes(6),
]);

/** What RECEIVE COPY STATUS(LID4) and RECEIVE ROD TOKEN INFORMATION tell of a copy. */
export interface CopyStatus {
  /** Service action of the command that the copy is of. */
  readonly serviceAction: number;
  /** One of `CopyOperationStatus`. */
  readonly status: number;
  /** Reads and writes done, 16 bits of the count. */
  readonly operationCount: number;
  /** Milliseconds after which it is worth asking again; undefined: the copy is over. */
  readonly updateDelayMs: number | undefined;
  /** Status of a copy that is over. */
  readonly completionStatus: number;
  readonly sense: Uint8Array;
  /** One of `TransferCountUnits`. */
  readonly transferCountUnits: number;
  readonly transferCount: number;
  readonly segmentsProcessed: number;
}

/** ESTIMATED STATUS UPDATE DELAY of a copy that is over. */
const OVER = 0xffff_fffe;

/** RECEIVE COPY STATUS(LID4) parameter data. */
export function buildCopyStatus(status: CopyStatus): Uint8Array<ArrayBuffer> {
  return buildWithHeader(status, new Uint8Array(0));
}

/** RECEIVE ROD TOKEN INFORMATION parameter data, with the token if there is one. */
export function buildRodTokenInformation(
  status: CopyStatus,
  token: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(4);
  const descriptorBytes = token === undefined ? 0 : 2 + token.length;
  length[2] = descriptorBytes >> 8;
  length[3] = descriptorBytes & 0xff;
  const descriptor = token === undefined ? [] : [new Uint8Array(2), token];
  return buildWithHeader(status, concatBytes([length, ...descriptor]));
}

function buildWithHeader(status: CopyStatus, rest: Uint8Array): Uint8Array<ArrayBuffer> {
  // The field is a multiple of four bytes long (SPC-4 6.24).
  const senseField = new Uint8Array(Math.ceil(status.sense.length / 4) * 4);
  senseField.set(status.sense);
  const header = statusLid4.encode({
    AVAILABLE_DATA: statusLid4.spanBytes - 4 + senseField.length + rest.length,
    RESPONSE_TO_SERVICE_ACTION: status.serviceAction,
    COPY_OPERATION_STATUS: status.status,
    OPERATION_COUNTER: status.operationCount & 0xffff,
    ESTIMATED_STATUS_UPDATE_DELAY: status.updateDelayMs ?? OVER,
    EXTENDED_COPY_COMPLETION_STATUS: status.completionStatus,
    LENGTH_OF_THE_SENSE_DATA_FIELD: senseField.length,
    SENSE_DATA_LENGTH: status.sense.length,
    TRANSFER_COUNT_UNITS: status.transferCountUnits,
    TRANSFER_COUNT: status.transferCount,
    SEGMENTS_PROCESSED: status.segmentsProcessed,
  });
  return concatBytes([header, senseField, rest]);
}

/** Reads RECEIVE COPY STATUS(LID4) parameter data, or the first part of RECEIVE ROD TOKEN INFORMATION. */
export function parseCopyStatus(data: Uint8Array): CopyStatus {
  const fields = statusLid4.decode(data);
  const start = statusLid4.spanBytes;
  const delayMs = fields.ESTIMATED_STATUS_UPDATE_DELAY;
  return {
    serviceAction: fields.RESPONSE_TO_SERVICE_ACTION,
    status: fields.COPY_OPERATION_STATUS,
    operationCount: fields.OPERATION_COUNTER,
    updateDelayMs: delayMs === OVER ? undefined : delayMs,
    completionStatus: fields.EXTENDED_COPY_COMPLETION_STATUS,
    sense: data.slice(start, start + fields.SENSE_DATA_LENGTH),
    transferCountUnits: fields.TRANSFER_COUNT_UNITS,
    transferCount: fields.TRANSFER_COUNT,
    segmentsProcessed: fields.SEGMENTS_PROCESSED,
  };
}

/** The status and the token in RECEIVE ROD TOKEN INFORMATION parameter data; a token that was cut off is none. */
export function parseRodTokenInformation(data: Uint8Array): {
  readonly status: CopyStatus;
  readonly token: Uint8Array | undefined;
} {
  const { LENGTH_OF_THE_SENSE_DATA_FIELD } = statusLid4.decode(data);
  const start = statusLid4.spanBytes + LENGTH_OF_THE_SENSE_DATA_FIELD + 4 + 2;
  const whole = data.length >= start + ROD_TOKEN_BYTES;
  return {
    status: parseCopyStatus(data),
    token: whole ? data.slice(start, start + ROD_TOKEN_BYTES) : undefined,
  };
}

interface FailureDetails {
  AVAILABLE_DATA: number;
  EXTENDED_COPY_COMMAND_STATUS: number;
  SENSE_DATA_LENGTH: number;
}

/** RECEIVE COPY FAILURE DETAILS(LID1) parameter data up to the sense data (SPC-4 table 246). */
const failureDetails: Structure<FailureDetails> = structure(60, [
  u32be('AVAILABLE_DATA'),
  bytes(52),
  u8('EXTENDED_COPY_COMMAND_STATUS'),
  bytes(1),
  u16be('SENSE_DATA_LENGTH'),
]);

/** How an EXTENDED COPY(LID1) command failed. */
export interface CopyFailureDetails {
  readonly status: number;
  readonly sense: Uint8Array;
}

/** RECEIVE COPY FAILURE DETAILS(LID1) parameter data; four bytes of zero when nothing failed. */
export function buildCopyFailureDetails(details: CopyFailureDetails | undefined): Uint8Array<ArrayBuffer> {
  if (details === undefined) return new Uint8Array(4);
  const header = failureDetails.encode({
    AVAILABLE_DATA: failureDetails.spanBytes - 4 + details.sense.length,
    EXTENDED_COPY_COMMAND_STATUS: details.status,
    SENSE_DATA_LENGTH: details.sense.length,
  });
  return concatBytes([header, details.sense]);
}

/** Reads RECEIVE COPY FAILURE DETAILS(LID1) parameter data; undefined when nothing failed. */
export function parseCopyFailureDetails(data: Uint8Array): CopyFailureDetails | undefined {
  const fields = failureDetails.decode(data);
  if (fields.AVAILABLE_DATA === 0) return undefined;
  const start = failureDetails.spanBytes;
  return {
    status: fields.EXTENDED_COPY_COMMAND_STATUS,
    sense: data.slice(start, start + fields.SENSE_DATA_LENGTH),
  };
}
