import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { PRE_FETCH_10, PRE_FETCH_16, type PreFetchCdb } from '../cdb/block-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { Status, type Finished, type ScsiCommand } from '../execution.ts';
import { inSteps, STEP_BYTES } from '../media/in-steps.ts';
import { unlessAborted } from '../media/parameter-list.ts';
import { afterwards } from '../media/while-held.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { checkRange } from './validate.ts';

/** The cache is that of the operating system; this much of it is taken to be there for one command. */
const CACHE_BYTES = 32 * 1024 * 1024;

/** All blocks are in the cache, or will be (SBC-3 5.9). */
const CONDITION_MET: Finished = { kind: 'finished', status: Status.CONDITION_MET };

function prefetch(
  itl: ItlNexus,
  cdb: CdbDefinition<PreFetchCdb>,
  command: ScsiCommand,
): MaybePromise<Finished> {
  const { unit } = itl;
  const fields = cdb.decode(command.cdb);
  const lba = fields.LOGICAL_BLOCK_ADDRESS;
  checkRange(unit, lba, fields.PREFETCH_LENGTH);
  const blockCount = fields.PREFETCH_LENGTH || unit.blockCount - lba;
  const wantedBytes = blockCount * unit.blockSize;
  const range = { offset: lba * unit.blockSize, length: Math.min(wantedBytes, CACHE_BYTES) };
  const finished = range.length === wantedBytes ? CONDITION_MET : GOOD;
  if (fields.IMMED === 0) return unlessAborted(() => mapMaybe(fetch(itl, command, range), () => finished));
  // One at a time goes on in the background, so that nobody can pile them up; more do not fit the cache.
  if (unit.prefetching) return GOOD;
  unit.prefetching = true;
  itl.runInBackground(() =>
    afterwards(
      () => fetch(itl, command, range),
      () => {
        unit.prefetching = false;
      },
    ),
  );
  return finished;
}

/** Reading is what brings blocks into the cache; what was read is dropped. */
function fetch(
  itl: ItlNexus,
  command: ScsiCommand,
  range: { readonly offset: number; readonly length: number },
): MaybePromise<void> {
  const { medium } = itl.unit;
  const sink = new Uint8Array(Math.min(range.length, STEP_BYTES));
  return inSteps(command, range, STEP_BYTES, (offset, length) =>
    itl.guarded('read', offset, () => medium.read([sink.subarray(0, length)], offset)),
  );
}

/** PRE-FETCH(10) and (16). */
export const PREFETCH_COMMANDS: readonly CommandEntry[] = [PRE_FETCH_10, PRE_FETCH_16].map((definition) =>
  defineCommand(definition, (itl, command) => prefetch(itl, definition, command), {
    needsMedium: true,
    access: 'reads',
    timeouts: SLOW,
    unsupportedFields: ['GROUP_NUMBER'],
  }),
);
