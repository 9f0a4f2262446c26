import { RejectReason, SnackType, type SnackPdu } from '@lunbox/iscsi-pdu';
import type { PduWriter } from './pdu-writer.ts';
import type { Recovery } from './recovery.ts';
import type { Session } from './session.ts';

/** Who answers a SNACK, and from what. */
export interface SnackContext {
  readonly session: Session;
  readonly recovery: Recovery;
  readonly writer: PduWriter;
  /** Refuses the SNACK later, when what it asks for cannot be read any more. */
  readonly refuse: (reason: number) => void;
}

/** Returns a {@link RejectReason} when the SNACK cannot be answered. */
type Handler = (snack: SnackPdu, context: SnackContext) => number | undefined;

const HANDLERS: Readonly<Record<number, Handler>> = {
  [SnackType.DATA_OR_R2T]: resendNumbered,
  [SnackType.STATUS]: resendStatuses,
  [SnackType.R_DATA]: resendCutAnew,
  [SnackType.DATA_ACK]: acknowledgeData,
};

/**
 * Sends again what a SNACK asks for, or takes note of what it acknowledges (RFC 7143 §11.16). Returns the
 * {@link RejectReason} of one that asks for what is not there.
 */
export function answerSnack(snack: SnackPdu, context: SnackContext): number | undefined {
  const handler = HANDLERS[snack.snackType];
  // RFC 7143 §11: a reserved type is a protocol error.
  return handler === undefined ? RejectReason.PROTOCOL_ERROR : handler(snack, context);
}

function resendStatuses(snack: SnackPdu, { recovery, writer }: SnackContext): number | undefined {
  const pdus = recovery.statuses(snack.begRun, snack.runLength);
  for (const bytes of pdus) writer.sendAgain(bytes);
  const all = snack.begRun === 0 && snack.runLength === 0;
  return pdus.length > 0 || all ? undefined : RejectReason.PROTOCOL_ERROR;
}

/** Data-In PDUs of a read, R2Ts of a write: they have one numbering (RFC 7143 §4.2.2.4). */
function resendNumbered(snack: SnackPdu, { session, recovery, refuse }: SnackContext): number | undefined {
  const task = session.tasks.get(snack.initiatorTaskTag) ?? recovery.task(snack.initiatorTaskTag);
  if (task?.reading !== undefined) return task.reading.resend(snack.begRun, snack.runLength, refuse);
  const done = task?.transfer?.resendR2ts(snack.begRun, snack.runLength) ?? false;
  return done ? undefined : RejectReason.PROTOCOL_ERROR;
}

/** All data of a read, cut anew, and a response with the SNACK Tag (RFC 7143 §11.16.3). */
function resendCutAnew(snack: SnackPdu, { session, recovery }: SnackContext): number | undefined {
  const task = session.tasks.get(snack.initiatorTaskTag) ?? recovery.task(snack.initiatorTaskTag);
  if (task?.reading === undefined || snack.begRun !== 0) return RejectReason.PROTOCOL_ERROR;
  task.snackTag = snack.targetTransferTag;
  task.reading.restart();
  return undefined;
}

/** What is acknowledged is not kept any longer (RFC 7143 §11.16.2). */
function acknowledgeData(snack: SnackPdu, { session, recovery, writer }: SnackContext): number | undefined {
  const here = [...session.tasks.values()].filter(({ connection }) => connection.writer === writer);
  for (const { reading } of [...here, ...recovery.tasks]) {
    if (reading?.asksAcknowledgement(snack.targetTransferTag) !== true) continue;
    return reading.acknowledge(snack.begRun) ? undefined : RejectReason.INVALID_DATA_ACK;
  }
  return RejectReason.INVALID_DATA_ACK;
}
