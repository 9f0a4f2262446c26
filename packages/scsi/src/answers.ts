import { Status, type Finished } from './execution.ts';
import { TOO_MANY_NEXUSES } from './sense/status-qualifier.ts';

/** GOOD without data. */
export const GOOD: Finished = { kind: 'finished', status: Status.GOOD };

/** BUSY: the command may be sent again later. */
export const BUSY: Finished = { kind: 'finished', status: Status.BUSY };

/** BUSY, because others have taken all the room that there is. */
export const BUSY_WITH_OTHERS: Finished = { ...BUSY, statusQualifier: TOO_MANY_NEXUSES };

/** TASK SET FULL: some commands of the nexus have to end first. */
export const TASK_SET_FULL: Finished = { kind: 'finished', status: Status.TASK_SET_FULL };

/** ACA ACTIVE: the ACA condition has to be cleared first. */
export const ACA_ACTIVE: Finished = { kind: 'finished', status: Status.ACA_ACTIVE };

/** TASK ABORTED, of which nobody hears: whoever aborted the command drops its answer. */
export const TASK_ABORTED: Finished = { kind: 'finished', status: Status.TASK_ABORTED };

/** RESERVATION CONFLICT. */
export const RESERVATION_CONFLICT: Finished = { kind: 'finished', status: Status.RESERVATION_CONFLICT };

/** GOOD with a parameter block, cut to the allocation length (SPC-4 4.2.5.6: that is not an error). */
export function answer(data: Uint8Array, allocationLength: number): Finished {
  const cut = data.length > allocationLength ? data.subarray(0, allocationLength) : data;
  return { kind: 'finished', status: Status.GOOD, data: cut };
}
