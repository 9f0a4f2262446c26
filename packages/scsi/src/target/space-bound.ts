import type { MaybePromise, SpaceAllowance } from '@lunbox/block';
import { TASK_ABORTED } from '../answers.ts';
import { WRITE_6, WRITE_SAME_10, WRITE_SAME_16 } from '../cdb/block-cdbs.ts';
import type { AnyCdbDefinition } from '../cdb/cdb-definition.ts';
import { FORMAT_UNIT, SANITIZE_OVERWRITE } from '../cdb/medium-cdbs.ts';
import { WRITE_SAME_32 } from '../cdb/variable-length-cdbs.ts';
import type { CommandEntry } from '../commands/command-entry.ts';
import { blocksToFill } from '../commands/write-same.ts';
import type { DataOut, Execution, Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { refuseWithoutMedium } from '../unit/medium-access.ts';

/** A run of bytes of the medium. */
interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Commands that may fill the whole medium. */
const FILLING: ReadonlySet<AnyCdbDefinition> = new Set<AnyCdbDefinition>([FORMAT_UNIT, SANITIZE_OVERWRITE]);

/** WRITE(6) says 256 blocks with 0. */
const MAX_BLOCKS_6 = 256;

/** Those with which 0 may stand for all blocks up to the end. */
const SAME: ReadonlySet<AnyCdbDefinition> = new Set<AnyCdbDefinition>([
  WRITE_SAME_10,
  WRITE_SAME_16,
  WRITE_SAME_32,
]);

/**
 * The bytes that a command writes, as far as its CDB tells. Undefined for those that give space back, those that look
 * after the space by themselves (WRITE SAME with UNMAP, third-party copies), and ranges beyond the end, which the
 * command refuses.
 */
export function writtenRange(entry: CommandEntry, cdb: Uint8Array, unit: LogicalUnit): ByteRange | undefined {
  const { blockSize, blockCount } = unit;
  if (FILLING.has(entry.cdb)) return { offset: 0, length: blockCount * blockSize };
  const fields = entry.cdb.decode(cdb) as Partial<Record<string, unknown>>;
  if (fields['UNMAP'] === 1) return undefined;
  const lba = fields['LOGICAL_BLOCK_ADDRESS'];
  const said = fields['TRANSFER_LENGTH'] ?? fields['NUMBER_OF_LOGICAL_BLOCKS'];
  if (typeof lba !== 'number' || typeof said !== 'number') return undefined;
  const blocks = meantBlocks(entry.cdb, unit, lba, said);
  if (blocks === 0 || lba + blocks > blockCount) return undefined;
  return { offset: lba * blockSize, length: blocks * blockSize };
}

function meantBlocks(cdb: AnyCdbDefinition, unit: LogicalUnit, lba: number, said: number): number {
  if (said === 0 && cdb === WRITE_6) return MAX_BLOCKS_6;
  return SAME.has(cdb) ? blocksToFill(unit, lba, said) : said;
}

/** A Data-Out that gives back what was set aside for it when it is over. */
class SpaceBound implements DataOut {
  readonly kind = 'data-out';
  readonly lengthBytes: number;
  readonly #inner: DataOut;
  readonly #release: () => void;
  #ended = false;

  constructor(inner: DataOut, release: () => void) {
    this.#inner = inner;
    this.#release = release;
    this.lengthBytes = inner.lengthBytes;
  }

  write(from: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    return this.#inner.write(from, offsetBytes);
  }

  finish(receivedBytes: number): MaybePromise<Finished> {
    return this.#inner.finish(receivedBytes);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.#inner.end?.();
  }
}

/**
 * Starts a command of a user with a quota: what it will newly take is set aside first, or it is refused before
 * anything is written.
 */
export async function startWithinSpace(
  itl: ItlNexus,
  entry: CommandEntry,
  command: ScsiCommand,
  space: SpaceAllowance,
  start: () => MaybePromise<Execution>,
): Promise<Execution> {
  const { unit, starting: tasks } = itl;
  const range = writtenRange(entry, command.cdb, unit);
  if (range === undefined) return await start();
  const reserved = await itl.guarded('write', undefined, () => space.reserve(range.offset, range.length));
  const release = (): void => {
    space.release(reserved);
  };
  let execution: Execution = TASK_ABORTED;
  try {
    if (!command.aborted) {
      // Others have started meanwhile; a transfer leaves the tasks of the command that is being started.
      tasks.command = command;
      itl.starting = tasks;
      if (entry.needsMedium) refuseWithoutMedium(unit, entry.repairsMedium);
      execution = await start();
    }
  } catch (error) {
    release();
    throw error;
  }
  if (execution.kind === 'data-out') return new SpaceBound(execution, release);
  release();
  return execution;
}
