import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16, type SynchronizeCacheCdb } from '../cdb/block-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { START_STOP_UNIT } from '../cdb/primary-cdbs.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { CheckConditionError, illegalRequest } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { ALL_UNITS, isRemovable } from '../unit/unit-kind.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { checkRange, refuseFields } from './validate.ts';

/** The device flushes as a whole, which covers any range. */
function synchronizeCache(
  itl: ItlNexus,
  cdb: CdbDefinition<SynchronizeCacheCdb>,
  command: ScsiCommand,
): MaybePromise<Finished> {
  const fields = cdb.decode(command.cdb);
  checkRange(itl.unit, fields.LOGICAL_BLOCK_ADDRESS, fields.NUMBER_OF_LOGICAL_BLOCKS);
  return flush(itl, fields.IMMED === 1);
}

/** There are no power conditions, so starting and stopping is left, and where the medium is removable its tray. */
function startStopUnit(itl: ItlNexus, command: ScsiCommand): MaybePromise<Finished> {
  const { unit } = itl;
  const fields = START_STOP_UNIT.decode(command.cdb);
  unit.operations.refuseInProgress();
  refuseFields(START_STOP_UNIT, fields, 'POWER_CONDITION_MODIFIER', 'POWER_CONDITION');
  if (!isRemovable(unit.kind)) refuseFields(START_STOP_UNIT, fields, 'LOEJ');
  const stopping = fields.START === 0;
  const immediately = fields.IMMED === 1;
  // SBC-3 5.25: stopping writes the cache to the medium first, unless NO_FLUSH is set.
  const flushing = fields.NO_FLUSH === 0;
  if (fields.LOEJ === 1) {
    // The tray stays where it is, open or closed (MMC-6 6.13).
    if (unit.removalPrevented && (stopping || !unit.tray.loaded)) {
      throw illegalRequest(AdditionalSenseCode.MEDIUM_REMOVAL_PREVENTED);
    }
    return stopping ? eject(itl, immediately, flushing) : load(itl);
  }
  if (unit.tray.condition !== undefined) throw new CheckConditionError(unit.tray.condition);
  // A drive starts its disc again when it is read (MMC-6 6.44).
  unit.stopped = stopping && unit.kind !== 'cd-rom';
  return stopping && flushing ? flush(itl, immediately) : GOOD;
}

function eject(itl: ItlNexus, immediately: boolean, flushing: boolean): MaybePromise<Finished> {
  const { unit } = itl;
  const open = (): MaybePromise<void> =>
    itl.guarded('write', undefined, () => unit.tray.eject(unit.medium, flushing));
  if (immediately) {
    itl.runInBackground(open);
    return GOOD;
  }
  return mapMaybe(open(), () => GOOD);
}

/** What lies in the tray is loaded; an empty tray closes, and there is no medium all the same. */
function load(itl: ItlNexus): Finished {
  const { unit } = itl;
  unit.loadFromTray(itl);
  if (unit.tray.condition !== undefined) throw new CheckConditionError(unit.tray.condition);
  unit.stopped = false;
  return GOOD;
}

/** With `immediately`, GOOD comes first and a failure is told to a later command as a deferred error. */
function flush(itl: ItlNexus, immediately: boolean): MaybePromise<Finished> {
  if (immediately) {
    itl.runInBackground(() => itl.flush());
    return GOOD;
  }
  return mapMaybe(itl.flush(), () => GOOD);
}

/** SYNCHRONIZE CACHE(10) and (16), START STOP UNIT. */
export const CACHE_COMMANDS: readonly CommandEntry[] = [
  ...[SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16].map((definition) =>
    defineCommand(definition, (itl, command) => synchronizeCache(itl, definition, command), {
      needsMedium: true,
      timeouts: SLOW,
      unsupportedFields: ['GROUP_NUMBER'],
    }),
  ),
  defineCommand(START_STOP_UNIT, startStopUnit, {
    units: ALL_UNITS,
    access: 'starts',
    governs: true,
    timeouts: SLOW,
    unsupportedFields: ['POWER_CONDITION_MODIFIER', 'POWER_CONDITION'],
  }),
];
