import { AsyncEvent, joinSense } from '@lunbox/iscsi-pdu';
import type { Connection } from './connection.ts';
import type { Session, SessionConnection } from './session.ts';

const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);

/** What an Asynchronous Message says beyond its event (RFC 7143 §11.9). */
interface Content {
  readonly lun?: Uint8Array;
  /** The CID that the event is about. */
  readonly parameter1?: number;
  /** Seconds: Time2Wait. */
  readonly parameter2?: number;
  /** Seconds: to log out within, or Time2Retain. */
  readonly parameter3?: number;
  readonly data?: Uint8Array;
}

/** Asks the initiator to log out within so many seconds (event 1). */
export function askForLogout(connection: Connection, withinS: number): void {
  send(connection, AsyncEvent.LOGOUT_REQUEST, { parameter3: withinS });
}

/** Tells the initiator by another connection of the session, if there is one, that this one is lost (event 2). */
export function announceConnectionDrop(session: Session, lost: SessionConnection): void {
  const other = [...session.connections.values()].find((connection) => connection !== lost);
  const { defaultTime2Wait: parameter2, defaultTime2Retain } = session.parameters;
  // RFC 7143 §11.9.1: 0 says that its commands are over already.
  const parameter3 = session.reassigns ? defaultTime2Retain : 0;
  const content = { parameter1: lost.cid, parameter2, parameter3 };
  if (other !== undefined) send(other.connection, AsyncEvent.CONNECTION_DROP, content);
}

/** Tells the initiator that all connections of its session end, and its commands with them (event 3). */
export function announceSessionDrop(connection: Connection, time2WaitS: number): void {
  send(connection, AsyncEvent.SESSION_DROP, { parameter2: time2WaitS });
}

/** Asks for a Text Request within so many seconds, to negotiate (event 4). */
export function askForNegotiation(connection: Connection, withinS: number): void {
  send(connection, AsyncEvent.NEGOTIATION_REQUEST, { parameter3: withinS });
}

/** Tells of a change at a unit with sense data (event 0): what open-iscsi rescans for (T-N3). */
export function announceScsiEvent(connection: Connection, lun: Uint8Array, sense: Uint8Array): void {
  send(connection, AsyncEvent.SCSI_EVENT, { lun, data: joinSense(sense) });
}

/** Tells the initiator that all its tasks of a unit are being terminated (event 5); for FastAbort only. */
export function announceTaskTermination(connection: Connection, lun: Uint8Array): void {
  send(connection, AsyncEvent.TASK_TERMINATION, { lun });
}

function send(connection: Connection, asyncEvent: number, content: Content): void {
  connection.send({
    type: 'async-message',
    lun: content.lun ?? NO_LUN,
    asyncEvent,
    asyncVCode: 0,
    parameter1: content.parameter1 ?? 0,
    parameter2: content.parameter2 ?? 0,
    parameter3: content.parameter3 ?? 0,
    data: content.data ?? EMPTY,
    ...connection.numbers(),
  });
}
