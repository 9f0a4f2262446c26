import type {
  DataOutPdu,
  LoginRequestPdu,
  LogoutRequestPdu,
  NopOutPdu,
  ScsiCommandPdu,
  SnackPdu,
  TaskManagementRequestPdu,
  TextRequestPdu,
} from './initiator-pdus.ts';
import type {
  AsyncMessagePdu,
  DataInPdu,
  LoginResponsePdu,
  LogoutResponsePdu,
  NopInPdu,
  R2tPdu,
  RejectPdu,
  ScsiResponsePdu,
  TaskManagementResponsePdu,
  TextResponsePdu,
} from './target-pdus.ts';

/** PDUs that an initiator sends. */
export type InitiatorPdu =
  | NopOutPdu
  | ScsiCommandPdu
  | TaskManagementRequestPdu
  | LoginRequestPdu
  | TextRequestPdu
  | DataOutPdu
  | LogoutRequestPdu
  | SnackPdu;

/** PDUs that a target sends. */
export type TargetPdu =
  | NopInPdu
  | ScsiResponsePdu
  | TaskManagementResponsePdu
  | LoginResponsePdu
  | TextResponsePdu
  | DataInPdu
  | LogoutResponsePdu
  | R2tPdu
  | AsyncMessagePdu
  | RejectPdu;

/**
 * Any iSCSI PDU of RFC 7143 §11, told apart by `type`. Tags and serial numbers are unsigned 32-bit
 * integers.
 */
export type Pdu = InitiatorPdu | TargetPdu;

/** The names by which PDUs are told apart. */
export type PduType = Pdu['type'];
