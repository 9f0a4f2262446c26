import { Status } from '../execution.ts';
import { AdditionalSenseCode, SenseKey, type AdditionalSense } from '../sense/additional-sense.ts';
import type { ForwardedSense } from '../sense/copy-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { FieldPointer } from '../sense/sense-data.ts';

/** Which end of a copy a unit is. */
export type CopyRole = ForwardedSense['from'];

/** A copy source or destination did not do what the copy manager wanted of it. */
export class PartyFailure extends Error {
  override readonly name = 'PartyFailure';
  readonly code = 'SCSI_COPY_PARTY_FAILURE';
  readonly role: CopyRole;
  readonly status: number;
  /** What it said with CHECK CONDITION. */
  readonly condition: CheckConditionError | undefined;

  /** @param answer what it said with CHECK CONDITION, or the status that it ended with otherwise */
  constructor(role: CopyRole, answer: CheckConditionError | number) {
    const condition = typeof answer === 'number' ? undefined : answer;
    const status = typeof answer === 'number' ? answer : Status.CHECK_CONDITION;
    super(`the copy ${role} failed: ${condition?.message ?? `status ${status}`}`, { cause: condition });
    this.role = role;
    this.status = status;
    this.condition = condition;
  }

  /** The status and sense data that it ended a command of the copy manager with. */
  get forwarded(): ForwardedSense {
    const { role: from, status, condition } = this;
    return { from, status, ...(condition === undefined ? {} : { sense: condition.sense }) };
  }
}

/** COPY ABORTED, of a segment of EXTENDED COPY or, without one, of a whole copy (SPC-4 5.17.7.4). */
export function copyAborted(
  code: AdditionalSense,
  more: {
    /** Number of the segment that was processed. */
    readonly segment?: number;
    readonly pointer?: Omit<FieldPointer, 'inCdb'>;
    /** Blocks of the destination that are still to be written, when some were. */
    readonly residual?: number;
    readonly forwarded?: ForwardedSense;
  } = {},
  cause?: unknown,
): CheckConditionError {
  const { segment, pointer, residual, forwarded } = more;
  return new CheckConditionError(
    {
      senseKey: SenseKey.COPY_ABORTED,
      asc: code.asc,
      ascq: code.ascq,
      ...(residual === undefined ? {} : { information: residual }),
      ...(segment === undefined ? {} : { commandSpecific: segment }),
      ...(pointer === undefined ? {} : { fieldPointer: { ...pointer, inCdb: false } }),
      ...(forwarded === undefined ? {} : { forwarded }),
    },
    cause,
  );
}

/** A party failed while something other than a segment was copied. */
export function partyFailed(failure: PartyFailure): CheckConditionError {
  const { forwarded } = failure;
  return copyAborted(AdditionalSenseCode.THIRD_PARTY_DEVICE_FAILURE, { forwarded }, failure);
}
