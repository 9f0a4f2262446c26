import { AdditionalSenseCode, SenseKey, type AdditionalSense } from './additional-sense.ts';
import { CheckConditionError } from './check-condition-error.ts';

/** What the device was asked to do when it failed: reading and changing fail with different codes. */
export type MediumAccess = 'read' | 'write';

interface Failure extends AdditionalSense {
  readonly senseKey: number;
  /** The failure belongs to a place, which the INFORMATION field names. */
  readonly atLba?: true;
}

const readError: Failure = {
  senseKey: SenseKey.MEDIUM_ERROR,
  ...AdditionalSenseCode.UNRECOVERED_READ_ERROR,
  atLba: true,
};
const writeError: Failure = {
  senseKey: SenseKey.MEDIUM_ERROR,
  ...AdditionalSenseCode.WRITE_ERROR,
  atLba: true,
};
const outOfRange: Failure = {
  senseKey: SenseKey.ILLEGAL_REQUEST,
  ...AdditionalSenseCode.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE,
  atLba: true,
};
const noSpace: Failure = {
  senseKey: SenseKey.DATA_PROTECT,
  ...AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
};
const readOnly: Failure = { senseKey: SenseKey.DATA_PROTECT, ...AdditionalSenseCode.WRITE_PROTECTED };
const faulted: Failure = {
  senseKey: SenseKey.HARDWARE_ERROR,
  ...AdditionalSenseCode.INTERNAL_TARGET_FAILURE,
};
const closed: Failure = {
  senseKey: SenseKey.NOT_READY,
  ...AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_MANUAL_INTERVENTION_REQUIRED,
};
const busy: Failure = { senseKey: SenseKey.ABORTED_COMMAND, ...AdditionalSenseCode.INSUFFICIENT_RESOURCES };

/**
 * How each code of a `BlockError` is told to the initiator. A code that is missing here is a mistake of ours.
 */
const FAILURES: Readonly<Record<string, Readonly<Record<MediumAccess, Failure>>>> = {
  BLOCK_IO: { read: readError, write: writeError },
  // The range was checked against the capacity: the device has shrunk since then.
  BLOCK_OUT_OF_RANGE: { read: outOfRange, write: outOfRange },
  BLOCK_NO_SPACE: { read: noSpace, write: noSpace },
  BLOCK_READ_ONLY: { read: readOnly, write: readOnly },
  BLOCK_FAULTED: { read: faulted, write: faulted },
  BLOCK_CLOSED: { read: closed, write: closed },
  BLOCK_BUSY: { read: busy, write: busy },
};

/**
 * The check condition for a failure of the block device; undefined when `error` is none that a device may
 * have.
 */
export function blockFailure(
  error: unknown,
  access: MediumAccess,
  lba: number | undefined,
): CheckConditionError | undefined {
  const failure = FAILURES[codeOf(error)]?.[access];
  if (failure === undefined) return undefined;
  const { senseKey, asc, ascq, atLba } = failure;
  const located = atLba === true && lba !== undefined;
  return new CheckConditionError({ senseKey, asc, ascq, ...(located ? { information: lba } : {}) }, error);
}

/** True when a device, or what lies beside it, has no room for what is to be stored. */
export function isNoSpace(error: unknown): boolean {
  return codeOf(error) === 'BLOCK_NO_SPACE';
}

/** True when an earlier flush of a device has failed, so that it makes nothing durable any more. */
export function isFaulted(error: unknown): boolean {
  return codeOf(error) === 'BLOCK_FAULTED';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
