import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16, type SynchronizeCacheCdb } from '../cdb/block-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { START_STOP_UNIT } from '../cdb/primary-cdbs.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
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

/** The medium is not removable and there are no power conditions, so only starting and stopping is left. */
function startStopUnit(itl: ItlNexus, command: ScsiCommand): MaybePromise<Finished> {
  const fields = START_STOP_UNIT.decode(command.cdb);
  itl.unit.operations.refuseInProgress();
  refuseFields(START_STOP_UNIT, fields, 'POWER_CONDITION_MODIFIER', 'POWER_CONDITION', 'LOEJ');
  const stopping = fields.START === 0;
  itl.unit.stopped = stopping;
  // SBC-3 5.25: stopping writes the cache to the medium first, unless NO_FLUSH is set.
  return stopping && fields.NO_FLUSH === 0 ? flush(itl, fields.IMMED === 1) : GOOD;
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
    access: 'starts',
    governs: true,
    timeouts: SLOW,
    unsupportedFields: ['POWER_CONDITION_MODIFIER', 'POWER_CONDITION', 'LOEJ'],
  }),
];
