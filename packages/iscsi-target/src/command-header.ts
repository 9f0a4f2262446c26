import {
  RejectReason,
  decodePdu,
  readScsiCommand,
  type DataOutHeader,
  type FrameHeader,
  type ScsiCommandHeader,
  type ScsiCommandPdu,
} from '@lunbox/iscsi-pdu';
import type { TaskAttribute } from '@lunbox/scsi';
import type { Connection } from './connection.ts';
import { Task } from './task.ts';

const CDB_OFFSET = 32;
const CDB_END = 48;
const EMPTY = new Uint8Array(0);

/** Task attributes by the code of RFC 7143 §11.3.1; an untagged task is a simple one. */
const ATTRIBUTES: readonly (TaskAttribute | undefined)[] = [
  'simple',
  'simple',
  'ordered',
  'head-of-queue',
  'aca',
];

/** A header object that is used again for each Data-Out PDU. */
export function newDataOutHeader(): DataOutHeader {
  return {
    final: false,
    dataLength: 0,
    lunHigh: 0,
    lunLow: 0,
    initiatorTaskTag: 0,
    targetTransferTag: 0,
    expStatSn: 0,
    dataSn: 0,
    bufferOffset: 0,
  };
}

/** A header object that is used again for each command. */
export function newCommandHeader(): ScsiCommandHeader {
  return {
    immediate: false,
    final: false,
    read: false,
    write: false,
    attribute: 0,
    priority: 0,
    ahsLength: 0,
    dataLength: 0,
    lunHigh: 0,
    lunLow: 0,
    initiatorTaskTag: 0,
    expectedDataTransferLength: 0,
    cmdSn: 0,
    expStatSn: 0,
  };
}

/**
 * Makes a task from the header of a SCSI Command PDU, which is left in `header` too. Returns a
 * {@link RejectReason} when a field has no legal value.
 */
export function taskOf(frame: FrameHeader, header: ScsiCommandHeader, connection: Connection): Task | number {
  const { bytes, offset } = frame;
  readScsiCommand(bytes, offset, header);
  const attribute = ATTRIBUTES[header.attribute];
  // RFC 7143 §11: a reserved code is a protocol error.
  if (attribute === undefined) return RejectReason.PROTOCOL_ERROR;
  const hasData = header.read || header.write;
  return new Task({
    initiatorTaskTag: header.initiatorTaskTag,
    lun: bytes.slice(offset + 8, offset + 16),
    lunHigh: header.lunHigh,
    lunLow: header.lunLow,
    cdb: header.ahsLength === 0 ? bytes.slice(offset + CDB_OFFSET, offset + CDB_END) : extendedCdb(frame),
    attribute,
    // RFC 7143 §11.3.4: without R or W the field has no meaning.
    expectedDataTransferLength: hasData ? header.expectedDataTransferLength : 0,
    read: header.read,
    write: header.write,
    immediate: header.immediate,
    cmdSn: header.cmdSn,
    connection,
  });
}

/** A CDB of more than 16 bytes goes on in an AHS (RFC 7143 §11.2.2.3): rare, so the codec reads it. */
function extendedCdb({ bytes, offset, headerLength }: FrameHeader): Uint8Array {
  const header = bytes.slice(offset, offset + headerLength);
  // The data segment is not here yet; the header alone is decoded, as one without data.
  header.fill(0, 5, 8);
  return (decodePdu(header, EMPTY) as ScsiCommandPdu).cdb;
}
