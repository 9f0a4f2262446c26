import { SnackType, type SnackPdu } from '@lunbox/iscsi-pdu';
import type { PduWriter } from './pdu-writer.ts';
import type { Recovery } from './recovery.ts';
import type { Session } from './session.ts';

/** Who answers a SNACK, and from what. */
export interface SnackContext {
  readonly session: Session;
  readonly recovery: Recovery;
  readonly writer: PduWriter;
}

type Handler = (snack: SnackPdu, context: SnackContext) => boolean;

/** No Data-In PDU carries the A bit, so there is nothing that a DataACK could acknowledge. */
const HANDLERS: Readonly<Record<number, Handler>> = {
  [SnackType.DATA_OR_R2T]: resendNumbered,
  [SnackType.STATUS]: resendStatuses,
  [SnackType.R_DATA]: resendCutAnew,
};

/**
 * Sends again what a SNACK asks for (RFC 7143 §11.16). Returns false when it cannot be sent again: the caller
 * rejects the SNACK.
 */
export function answerSnack(snack: SnackPdu, context: SnackContext): boolean {
  return HANDLERS[snack.snackType]?.(snack, context) ?? false;
}

function resendStatuses(snack: SnackPdu, { recovery, writer }: SnackContext): boolean {
  const pdus = recovery.statuses(snack.begRun, snack.runLength);
  for (const bytes of pdus) writer.sendAgain(bytes);
  return pdus.length > 0 || (snack.begRun === 0 && snack.runLength === 0);
}

/** Data-In PDUs of a read, R2Ts of a write: they have one numbering (RFC 7143 §4.2.2.4). */
function resendNumbered(snack: SnackPdu, { session, recovery }: SnackContext): boolean {
  const task = session.tasks.get(snack.initiatorTaskTag) ?? recovery.task(snack.initiatorTaskTag);
  const sent = task?.reading?.resend(snack.begRun, snack.runLength);
  return sent ?? task?.transfer?.resendR2ts(snack.begRun, snack.runLength) ?? false;
}

/** All data of a read, cut anew, and a response with the SNACK Tag (RFC 7143 §11.16.3). */
function resendCutAnew(snack: SnackPdu, { session, recovery }: SnackContext): boolean {
  const task = session.tasks.get(snack.initiatorTaskTag) ?? recovery.task(snack.initiatorTaskTag);
  if (task?.reading === undefined || snack.begRun !== 0) return false;
  task.snackTag = snack.targetTransferTag;
  task.reading.restart();
  return true;
}
