import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import type { LogicalUnit } from './logical-unit.ts';

/** Who would feel it if what a unit stores were another thing all at once. */
export interface UnitUse {
  /** Who else uses the unit now, by the names of their doors. */
  readonly doors: readonly string[];
  /** Initiators that can use the unit now, by their SCSI port names. */
  readonly initiators: readonly string[];
  /** Somebody holds the unit by a persistent reservation, or by RESERVE; they need not be there. */
  readonly reserved: boolean;
}

/** Who uses a unit at the moment. */
export function unitUse(unit: LogicalUnit): UnitUse {
  return {
    doors: [...unit.doors].map(({ name }) => name),
    initiators: [...unit.nexuses].map(({ host }) => host.options.initiatorPort),
    reserved: unit.reservedBy !== undefined || unit.persistent.state.reservation !== undefined,
  };
}

/**
 * Says that what the unit stores has become another thing, as when a medium is changed: ROD tokens of it are not good
 * any more, and every initiator hears of NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED (28h/00h).
 */
export function contentReplaced(unit: LogicalUnit): void {
  unit.medium.changed(0, Number.MAX_SAFE_INTEGER);
  for (const nexus of unit.nexuses) nexus.announce(AdditionalSenseCode.NOT_READY_TO_READY_CHANGE);
}
