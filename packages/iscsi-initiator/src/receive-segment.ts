import { Keys, parseNumber, type KeyDefinition } from '@lunbox/iscsi-pdu';
import { InitiatorError, optionsError } from './errors.ts';
import type { FullFeature } from './full-feature.ts';

const KEY = 'MaxRecvDataSegmentLength';

/** @throws InitiatorError `INITIATOR_OPTIONS` unless it is a legal MaxRecvDataSegmentLength (RFC 7143 §13.12). */
export function checkReceiveSegment(bytes: number): void {
  if (!isLegal(bytes)) throw optionsError(`${KEY} ${bytes}`);
}

function isLegal(bytes: number): boolean {
  const { minimum = 0, maximum = 0 } = Keys.get(KEY) as KeyDefinition;
  return Number.isInteger(bytes) && bytes >= minimum && bytes <= maximum;
}

/**
 * Declares another MaxRecvDataSegmentLength on a connection. What its commands lack from before comes cut anew.
 *
 * @throws InitiatorError `INITIATOR_NEGOTIATION` when the target does not take it.
 */
export async function declareReceiveSegment(member: FullFeature, bytes: number): Promise<void> {
  const { connection, exchanges, parameters, tasks } = member;
  // Segments of the old length are still on their way, or may be sent again: the limit never shrinks.
  connection.framer.maxDataSegmentLength = Math.max(connection.framer.maxDataSegmentLength, bytes);
  const answer = new Map(await exchanges.text([[KEY, String(bytes)]])).get(KEY);
  // A target may declare its own length at the same time.
  const theirs = answer === undefined ? parameters.maxSendSegmentBytes : parseNumber(answer);
  if (theirs === undefined || !isLegal(theirs)) {
    throw new InitiatorError({ code: 'INITIATOR_NEGOTIATION', key: KEY, value: answer ?? '' });
  }
  Object.assign(parameters, { maxReceiveSegmentBytes: bytes, maxSendSegmentBytes: theirs });
  for (const task of tasks.values()) task.resegmented = task.request.read !== undefined;
}
