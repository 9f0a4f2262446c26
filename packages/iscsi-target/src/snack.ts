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

/**
 * Sends again what a SNACK asks for (RFC 7143 §11.16). Returns false when it cannot be sent again: the caller
 * rejects the SNACK.
 */
export function answerSnack(snack: SnackPdu, context: SnackContext): boolean {
  if (snack.snackType === SnackType.STATUS) return resendStatuses(snack, context);
  if (snack.snackType === SnackType.DATA_OR_R2T) return resendNumbered(snack, context);
  // No Data-In carries the A bit, so there is nothing to acknowledge; data is not cut anew for an R-Data SNACK.
  rejectData(snack, context);
  return false;
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

/** RFC 7143 §7.8 a.1: a command whose data cannot be sent again ends with "SNACK rejected", unless it has ended. */
function rejectData(snack: SnackPdu, { session }: SnackContext): void {
  if (snack.snackType === SnackType.R_DATA) session.tasks.get(snack.initiatorTaskTag)?.reading?.reject();
}
