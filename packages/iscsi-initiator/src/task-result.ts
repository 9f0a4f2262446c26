import { parseSense } from '@lunbox/scsi';
import type { ScsiResult } from './request.ts';
import type { Task } from './task.ts';

/** What a SCSI Response, or a Data-In PDU with status, says of the length (RFC 7143 §11.4.1, §11.4.5). */
export interface ResidualFields {
  readonly underflow: boolean;
  readonly overflow: boolean;
  readonly residualCount: number;
}

/** How a command ended, from its status and its sense data. */
export function resultOf(
  task: Task,
  status: number,
  residual: ResidualFields,
  sense: Uint8Array | undefined,
): ScsiResult {
  const sign = residual.underflow ? 1 : residual.overflow ? -1 : 0;
  return {
    status,
    receivedBytes: task.receivedBytes,
    residualBytes: sign * residual.residualCount,
    sense: sense === undefined ? undefined : parseSense(sense),
    senseBytes: sense?.slice(),
  };
}
