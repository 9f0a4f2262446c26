import type { ScsiCommand } from '../execution.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import type { ItlNexus } from './itl-nexus.ts';
import type { LogicalUnit } from './logical-unit.ts';

/**
 * Logical unit reset (SAM-5 6.3.3): tasks, ACA conditions, the reservation by RESERVE, mode pages, the stopped state
 * and the prevention of medium removal go; persistent reservations stay (SPC-4 5.13.1).
 */
export function resetUnit(unit: LogicalUnit): void {
  unit.reservedBy = undefined;
  unit.stopped = false;
  unit.modes.reset();
  unit.raiseAttention(AdditionalSenseCode.BUS_DEVICE_RESET_FUNCTION_OCCURRED);
  for (const nexus of unit.nexuses) {
    nexus.preventsRemoval = false;
    nexus.host.options.onTasksAborted(nexus.lun);
    nexus.copies.clear();
  }
  unit.aca.clearAll();
  void unit.copies.abort();
}

/** CLEAR TASK SET (SAM-5 7.5): the tasks of the task set are aborted, whatever nexus they are of. ACA stays. */
export function clearTaskSet(unit: LogicalUnit, by: ItlNexus): void {
  const { separate } = unit.aca;
  abortTasks(unit, separate ? [by] : unit.nexuses, by);
  void (separate ? unit.copies.abort(by) : unit.copies.abort());
}

/** Aborts the tasks of nexuses, but for one that goes on. Others than the one that causes it hear of it (TAS 0). */
export function abortTasks(
  unit: LogicalUnit,
  nexuses: Iterable<ItlNexus>,
  by: ItlNexus,
  except?: ScsiCommand,
): void {
  for (const nexus of nexuses) {
    if (nexus !== by && nexus.busy) {
      nexus.attentions.raise(AdditionalSenseCode.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
    }
    nexus.host.options.onTasksAborted(nexus.lun, except);
  }
  unit.aca.review();
}
