/**
 * The codec of NBS: headers, TLVs, framing, and the tables of requests, events and statuses. It works in a browser.
 *
 * @packageDocumentation
 */
export { crc32 } from './codec/crc32.ts';
export { Framer, type MessageReceiver } from './codec/framer.ts';
export {
  blankHeader,
  decodeHeader,
  encodeHeader,
  Flag,
  HEADER_BYTES,
  HEADER_VERSION,
  Magic,
  type Header,
} from './codec/header.ts';
export { encodeMessage } from './codec/message.ts';
export { NbsCodecError, type NbsCodecErrorCode } from './codec/nbs-error.ts';
export {
  FIELDS_LIMIT_BYTES,
  Opcode,
  opcodeName,
  OPCODES,
  RESERVED_OPCODES,
  type Need,
  type OpcodeName,
  type OpcodeRow,
  type PayloadKind,
} from './codec/opcode-table.ts';
export { EventCode, eventName, EVENTS, type EventName, type EventRow } from './codec/event-table.ts';
export {
  Status,
  STATUSES,
  statusName,
  type Retry,
  type StatusName,
  type StatusRow,
} from './codec/status-table.ts';
export { decodeFields, encodeFields, type Fields, type KindValues, type ValueOf } from './codec/tlv.ts';
export {
  MUST_UNDERSTAND,
  TEXT_LIMIT_BYTES,
  TLVS,
  type TlvKind,
  type TlvName,
  type TlvRow,
} from './codec/tlv-table.ts';
