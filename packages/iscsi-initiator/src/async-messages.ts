import { AsyncEvent, splitSense, type AsyncMessagePdu } from '@lunbox/iscsi-pdu';
import { parseSense, type SenseData } from '@lunbox/scsi';
import createDebug from 'debug';
import { connectionLost, type InitiatorError } from './errors.ts';
import type { FullFeature } from './full-feature.ts';
import type { SessionConnections } from './session-connections.ts';
import type { TaskManagement } from './task-management.ts';

const log = createDebug('lunbox:iscsi-initiator:session');

/** A unit reports something by itself (RFC 7143 §11.9, SCSI event). */
export interface UnitEvent {
  readonly lun: Uint8Array;
  readonly sense: SenseData;
}

/** What a session does about an Asynchronous Message. */
export interface AsyncMessageHost {
  readonly connections: SessionConnections;
  readonly taskManagement: TaskManagement;
  unitEvent(event: UnitEvent): void;
  /** The target wants the session to end after its commands, but within `withinMs`. */
  leave(reason: InitiatorError, withinMs: number): void;
  /** The next session is made no sooner than in so many milliseconds. */
  waitAtLeast(delayMs: number): void;
}

/** RFC 7143 §11.9.1: a Logout Request comes no later than Parameter3 seconds after it was asked for. */
const LOGOUT_MARGIN_MS = 500;

type Handler = (message: AsyncMessagePdu, from: FullFeature, host: AsyncMessageHost) => void;

const HANDLERS: Readonly<Record<number, Handler>> = {
  [AsyncEvent.SCSI_EVENT]: ({ lun, data }, _, host) => {
    const sense = parseSense(splitSense(data).sense);
    if (sense !== undefined) host.unitEvent({ lun: lun.slice(), sense });
  },
  // The connection that it came by is to go; with the last one the session.
  [AsyncEvent.LOGOUT_REQUEST]: ({ parameter3 }, from, host) => {
    if (from.leaving) return;
    from.leaving = true;
    const { connections } = host;
    const reason = connectionLost('the target asked for a logout');
    const withinMs = Math.max(0, parameter3 * 1000 - LOGOUT_MARGIN_MS);
    if (connections.usableCount > 1) void connections.retire(from, reason, withinMs);
    else host.leave(reason, withinMs);
  },
  [AsyncEvent.CONNECTION_DROP]: (message, _, host) => {
    const { connections } = host;
    const dropped = connections.members.find(({ cid }) => cid === message.parameter1);
    if (dropped !== undefined) drop([dropped], message, host);
  },
  [AsyncEvent.SESSION_DROP]: (message, _, host) => drop([...host.connections.members], message, host),
  // RFC 7143 §11.9.1: an empty exchange gives the target its turn to speak, unless there is one already.
  [AsyncEvent.NEGOTIATION_REQUEST]: (_, { exchanges }) => {
    if (!exchanges.textPending) exchanges.text([]).catch(() => undefined);
  },
  [AsyncEvent.TASK_TERMINATION]: (message, from, host) => host.taskManagement.terminated(message, from),
};

/** Does what an Asynchronous Message asks for (RFC 7143 §11.9.1). */
export function onAsyncMessage(message: AsyncMessagePdu, from: FullFeature, host: AsyncMessageHost): void {
  log('asynchronous message, event %d', message.asyncEvent);
  HANDLERS[message.asyncEvent]?.(message, from, host);
}

/** RFC 7143 §11.9.1: come back no sooner than Parameter2 seconds from now, and recover for Parameter3 after that. */
function drop(members: FullFeature[], message: AsyncMessagePdu, host: AsyncMessageHost): void {
  const times = { time2WaitS: message.parameter2, time2RetainS: message.parameter3 };
  host.waitAtLeast(times.time2WaitS * 1000);
  const error = connectionLost('the target dropped the connection');
  for (const member of members) host.connections.drop(member, times, error);
}
