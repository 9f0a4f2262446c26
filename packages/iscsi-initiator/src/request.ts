import { totalLength } from '@lunbox/block';
import { MAX_CDB_LENGTH } from '@lunbox/iscsi-pdu';
import { MAX_LUN, type SenseData, type TaskAttribute } from '@lunbox/scsi';
import { optionsError, type InitiatorError } from './errors.ts';

/** One SCSI command. */
export interface ScsiRequest {
  /** Number of the logical unit, 0 to 16383. */
  readonly lun: number;
  /** 6 to 260 bytes; what goes beyond 16 travels in an Extended CDB AHS (RFC 7143 §11.2.2.3). */
  readonly cdb: Uint8Array;
  /** Data-In goes here, in order; the lengths together are the Expected Data Transfer Length. */
  readonly read?: readonly Uint8Array[];
  /** Data-Out, in order, unchanged until the command ends. Not together with `read`. */
  readonly write?: readonly Uint8Array[];
  /**
   * Command priority (RFC 7144 §5.1.1, SAM-5 8.6), 0 to 15: 1 matters most, 15 least, 0 says nothing. A target where
   * iSCSIProtocolLevel 2 was not agreed on is not told. Default 0.
   */
  readonly priority?: number;
  /** Its place among the commands of the unit (SAM-5 8.1). Default `simple`: the device server may reorder. */
  readonly attribute?: TaskAttribute;
  /** May be sent again when a connection was lost, since doing it twice is as good as once. Default false. */
  readonly idempotent?: boolean;
  /** Aborts the command when it has not ended by then. Default: the session's `commandTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Aborts the command. */
  readonly signal?: AbortSignal;
}

/** How a command ended, whatever its status. */
export interface ScsiResult {
  /** SCSI status (SAM-5 5.3.1). */
  readonly status: number;
  /** More about the status (SAM-5 5.3.2, `retryDelayMs`); 0 where iSCSIProtocolLevel 2 was not agreed on. */
  readonly statusQualifier: number;
  /** Bytes of Data-In that have come. */
  readonly receivedBytes: number;
  /** Bytes by which the transfer was shorter (positive) or would have been longer (negative) than asked. */
  readonly residualBytes: number;
  /** Sense data, where there was any that can be read. */
  readonly sense: SenseData | undefined;
  /** The sense data as it came, also where it cannot be read; undefined when there was none. */
  readonly senseBytes: Uint8Array | undefined;
}

/** Why a request cannot be sent at all; undefined when it can. */
export function requestProblem({
  lun,
  cdb,
  read,
  write,
  priority = 0,
}: ScsiRequest): InitiatorError | undefined {
  if (!Number.isInteger(lun) || lun < 0 || lun > MAX_LUN) return optionsError(`LUN ${lun}`);
  if (cdb.length < 6 || cdb.length > MAX_CDB_LENGTH) return optionsError(`a CDB of ${cdb.length} bytes`);
  if (!Number.isInteger(priority) || priority < 0 || priority > 15) {
    return optionsError(`priority ${priority}`);
  }
  if (read !== undefined && write !== undefined) return optionsError('data in both directions');
  const lengthBytes = totalLength(read ?? write ?? []);
  // Expected Data Transfer Length has 32 bits (RFC 7143 §11.3.4).
  return lengthBytes > 0xffff_ffff ? optionsError(`a transfer of ${lengthBytes} bytes`) : undefined;
}
