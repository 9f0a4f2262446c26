import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { PREVENT_ALLOW_MEDIUM_REMOVAL as PREVENT_ALLOW } from '../cdb/primary-cdbs.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { REMOVABLE_UNITS } from '../unit/unit-kind.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { refuseFields } from './validate.ts';

/** The last initiator that allows the removal again makes everything durable first (SPC-3 6.13). */
function preventAllow(itl: ItlNexus, command: ScsiCommand): MaybePromise<Finished> {
  const { unit } = itl;
  const fields = PREVENT_ALLOW.decode(command.cdb);
  // MMC-6 6.13: the persistent prevention is optional.
  refuseFields(PREVENT_ALLOW, fields, 'PERSISTENT');
  if (fields.PREVENT === 1) {
    itl.preventsRemoval = true;
    return GOOD;
  }
  const flushed = itl.preventsRemoval && unit.tray.loaded ? itl.flush() : undefined;
  return mapMaybe(flushed, () => {
    itl.preventsRemoval = false;
    return GOOD;
  });
}

/** PREVENT ALLOW MEDIUM REMOVAL. */
export const REMOVABLE_MEDIUM_COMMAND: CommandEntry = defineCommand(PREVENT_ALLOW, preventAllow, {
  units: REMOVABLE_UNITS,
  access: 'prevents',
  unsupportedFields: ['PERSISTENT'],
});
