import { ResidualFlag, type ScsiResponseHeader } from '@lunbox/iscsi-pdu';
import { parseSense } from '@lunbox/scsi';
import type { SessionParameters } from './parameters.ts';
import type { ScsiResult } from './request.ts';
import type { Task } from './task.ts';

/** What a SCSI Response, or a Data-In PDU with status, says of the end of a command (RFC 7143 §11.4.1, §11.4.5). */
export interface StatusFields {
  readonly status: number;
  /** 0 when left out, as in a Data-In PDU. */
  readonly statusQualifier?: number;
  readonly underflow: boolean;
  readonly overflow: boolean;
  readonly residualCount: number;
}

/** What a SCSI Response says, whose header is used again. */
export function statusFields(header: ScsiResponseHeader, { protocolLevel }: SessionParameters): StatusFields {
  const { status, statusQualifier, flags, residualCount } = header;
  return {
    status,
    // RFC 7144 §5.2.1: to be ignored below level 2.
    statusQualifier: protocolLevel >= 2 ? statusQualifier : 0,
    underflow: (flags & ResidualFlag.UNDERFLOW) !== 0,
    overflow: (flags & ResidualFlag.OVERFLOW) !== 0,
    residualCount,
  };
}

/** How a command ended, from its status and its sense data. */
export function resultOf(task: Task, fields: StatusFields, sense: Uint8Array | undefined): ScsiResult {
  const sign = fields.underflow ? 1 : fields.overflow ? -1 : 0;
  return {
    status: fields.status,
    statusQualifier: fields.statusQualifier ?? 0,
    receivedBytes: task.receivedBytes,
    residualBytes: sign * fields.residualCount,
    sense: sense === undefined ? undefined : parseSense(sense),
    senseBytes: sense?.slice(),
  };
}
