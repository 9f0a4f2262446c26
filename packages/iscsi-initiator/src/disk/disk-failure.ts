import { BlockError, type BlockErrorCode, type BlockErrorData } from '@lunbox/block';
import { AdditionalSenseCode, SenseKey, type SenseData } from '@lunbox/scsi';
import { InitiatorError } from '../errors.ts';
import { isSense } from './lun-client.ts';

/** What a failed command is to a user of the disk. The {@link InitiatorError} is the `cause`. */
export function diskFailure(operation: string, error: unknown, data: BlockErrorData = {}): BlockError {
  if (!(error instanceof InitiatorError)) throw error;
  const message = `${operation}: ${error.message}`;
  return new BlockError(codeOf(error), message, { ...data, operation }, error);
}

function codeOf({ detail }: InitiatorError): BlockErrorCode {
  switch (detail.code) {
    case 'INITIATOR_CHECK_CONDITION':
      return codeOfSense(detail.sense);
    case 'INITIATOR_BUSY':
      return 'BLOCK_BUSY';
    case 'INITIATOR_CLOSED':
      return 'BLOCK_CLOSED';
    default:
      return 'BLOCK_IO';
  }
}

function codeOfSense(sense: SenseData): BlockErrorCode {
  if (isSense(sense, AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)) return 'BLOCK_NO_SPACE';
  if (isSense(sense, AdditionalSenseCode.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)) return 'BLOCK_OUT_OF_RANGE';
  return sense.senseKey === SenseKey.DATA_PROTECT ? 'BLOCK_READ_ONLY' : 'BLOCK_IO';
}
