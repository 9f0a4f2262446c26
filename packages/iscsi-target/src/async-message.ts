import { AsyncEvent, joinSense } from '@lunbox/iscsi-pdu';
import type { Connection } from './connection.ts';

const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);

/** What an Asynchronous Message says beyond its event (RFC 7143 §11.9). */
interface Content {
  readonly lun?: Uint8Array;
  /** Seconds: to log out within, or to wait before coming back. */
  readonly parameter3?: number;
  readonly data?: Uint8Array;
}

/** Asks the initiator to log out within so many seconds (event 1). */
export function askForLogout(connection: Connection, withinS: number): void {
  send(connection, AsyncEvent.LOGOUT_REQUEST, { parameter3: withinS });
}

/** Tells the initiator that all connections of its session end (event 3). */
export function announceSessionDrop(connection: Connection): void {
  send(connection, AsyncEvent.SESSION_DROP, {});
}

/** Tells of a change at a unit with sense data (event 0): what open-iscsi rescans for (T-N3). */
export function announceScsiEvent(connection: Connection, lun: Uint8Array, sense: Uint8Array): void {
  send(connection, AsyncEvent.SCSI_EVENT, { lun, data: joinSense(sense) });
}

function send(connection: Connection, asyncEvent: number, content: Content): void {
  connection.send({
    type: 'async-message',
    lun: content.lun ?? NO_LUN,
    asyncEvent,
    asyncVCode: 0,
    parameter1: 0,
    parameter2: 0,
    parameter3: content.parameter3 ?? 0,
    data: content.data ?? EMPTY,
    ...connection.numbers(),
  });
}
