import type { MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { POPULATE_TOKEN, WRITE_USING_TOKEN, type TokenCdb } from '../cdb/copy-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { copyForward } from '../copy/copy-data.ts';
import {
  DEFAULT_INACTIVITY_SECONDS,
  MAX_INACTIVITY_SECONDS,
  MAX_RANGE_DESCRIPTORS,
  MAX_ROD_BYTES,
} from '../copy/copy-limits.ts';
import { copyAborted, PartyFailure } from '../copy/copy-failure.ts';
import { CopyOperation } from '../copy/copy-operation.ts';
import { CopyParty } from '../copy/copy-party.ts';
import { RodSource, ZEROES, type CopySource } from '../copy/copy-source.ts';
import type { CopyTask } from '../copy/copy-task.ts';
import { parseRodToken, ROD_TOKEN_LENGTH, RodType } from '../copy/rod-token.ts';
import type { RodToken } from '../copy/rod-tokens.ts';
import { runCopy } from '../copy/run-copy.ts';
import {
  parsePopulateTokenList,
  parseWriteUsingTokenList,
  POPULATE_HEADER_BYTES,
  PopulateTokenField,
  RANGE_DESCRIPTOR_BYTES,
  WRITE_HEADER_BYTES,
  WriteUsingTokenField,
  type TokenRanges,
  type WriteUsingTokenList,
} from '../copy/token-list.ts';
import type { BlockRange } from '../data/unmap-list.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { AdditionalSenseCode, SenseKey } from '../sense/additional-sense.ts';
import { CheckConditionError, illegalRequest, invalidParameter } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { checkRange } from './validate.ts';

type UseList = (list: Uint8Array, listId: number) => MaybePromise<Finished>;

/** Takes the parameter list of a token command; one longer than any that can be right is not taken. */
function takeList(
  itl: ItlNexus,
  { cdb }: ScsiCommand,
  definition: CdbDefinition<TokenCdb>,
  headerBytes: number,
  use: UseList,
): Execution {
  const { LIST_IDENTIFIER, PARAMETER_LIST_LENGTH: lengthBytes } = definition.decode(cdb);
  if (lengthBytes === 0) return GOOD;
  // One range more than there may be is still heard out, so that it can be told what is wrong.
  const longest = headerBytes + (MAX_RANGE_DESCRIPTORS + 1) * RANGE_DESCRIPTOR_BYTES;
  if (lengthBytes < headerBytes || lengthBytes > longest) {
    throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  }
  return new ParameterList(itl, 0, lengthBytes, (list) => use(list, LIST_IDENTIFIER));
}

/** Checks the ranges of a list (SBC-3 5.8.2, 5.47.2). Returns how many bytes they are. */
function checkRanges(
  { unit }: ItlNexus,
  list: TokenRanges,
  headerBytes: number,
  field: typeof PopulateTokenField | typeof WriteUsingTokenField,
): number {
  const shortest = headerBytes - 2 + RANGE_DESCRIPTOR_BYTES;
  if (list.dataLengthBytes < shortest) throw invalidParameter(field.DATA_LENGTH);
  if (list.rangesLengthBytes < RANGE_DESCRIPTOR_BYTES) throw invalidParameter(field.RANGES_LENGTH);
  if (list.dataLengthBytes !== headerBytes - 2 + list.rangesLengthBytes) {
    throw invalidParameter(field.DATA_LENGTH);
  }
  const { ranges } = list;
  if (ranges.length > MAX_RANGE_DESCRIPTORS) {
    throw illegalRequest(AdditionalSenseCode.TOO_MANY_SEGMENT_DESCRIPTORS);
  }
  for (const { lba, blockCount } of ranges) checkRange(unit, lba, blockCount);
  if (overlap(ranges)) throw invalidParameter(field.RANGES);
  const lengthBytes = ranges.reduce((sum, { blockCount }) => sum + blockCount, 0) * unit.blockSize;
  if (lengthBytes > MAX_ROD_BYTES) throw invalidParameter(field.RANGES);
  return lengthBytes;
}

function overlap(ranges: readonly BlockRange[]): boolean {
  const sorted = ranges.filter(({ blockCount }) => blockCount > 0).sort((a, b) => a.lba - b.lba);
  return sorted.some(({ lba }, index) => {
    const before = sorted[index - 1];
    return before !== undefined && before.lba + before.blockCount > lba;
  });
}

function startPopulateToken(itl: ItlNexus, command: ScsiCommand): Execution {
  return takeList(itl, command, POPULATE_TOKEN, POPULATE_HEADER_BYTES, (bytes, listId) => {
    const list = parsePopulateTokenList(bytes);
    const lengthBytes = checkRanges(itl, list, POPULATE_HEADER_BYTES, PopulateTokenField);
    if (list.inactivityTimeoutSeconds > MAX_INACTIVITY_SECONDS) {
      throw invalidParameter(PopulateTokenField.INACTIVITY_TIMEOUT);
    }
    if (list.rodType !== undefined && !MADE_TYPES.includes(list.rodType)) {
      throw invalidParameter(PopulateTokenField.ROD_TYPE);
    }
    const operation = new CopyOperation(
      POPULATE_TOKEN.serviceAction ?? 0,
      list.immediate,
      itl.unit.blockSize,
    );
    const seconds = list.inactivityTimeoutSeconds || DEFAULT_INACTIVITY_SECONDS;
    const work = async (): Promise<void> => {
      // SBC-3 5.8.3: no blocks are no error, and nothing that a token could stand for.
      if (lengthBytes > 0) {
        const { bytes: token } = await itl.host.copies.tokens.create(itl, list.ranges, seconds);
        operation.token = token;
      }
      operation.transferredBytes = lengthBytes;
      operation.operationCount++;
    };
    return runCopy(itl, command, { operation, listId, immediate: list.immediate, work });
  });
}

/** ROD types that POPULATE TOKEN may ask for; both give the one that there is. */
const MADE_TYPES: readonly number[] = [RodType.POINT_IN_TIME_CHANGE_VULNERABLE, RodType.POINT_IN_TIME_ANY];

function startWriteUsingToken(itl: ItlNexus, command: ScsiCommand): Execution {
  return takeList(itl, command, WRITE_USING_TOKEN, WRITE_HEADER_BYTES, (bytes, listId) => {
    const list = parseWriteUsingTokenList(bytes);
    const wantedBytes = checkRanges(itl, list, WRITE_HEADER_BYTES, WriteUsingTokenField);
    const { immediate } = list;
    const token = isZeroToken(list.token) ? undefined : itl.host.copies.tokens.find(list.token);
    const offsetBytes = list.offsetIntoRodBlocks * itl.unit.blockSize;
    if (token !== undefined && offsetBytes >= token.lengthBytes) {
      throw invalidParameter(WriteUsingTokenField.OFFSET_INTO_ROD);
    }
    const operation = new CopyOperation(WRITE_USING_TOKEN.serviceAction ?? 0, immediate, itl.unit.blockSize);
    const write = new TokenWrite(itl, list, wantedBytes, operation);
    const work = (task: CopyTask): Promise<void> =>
      token === undefined ? write.run(task, ZEROES, Infinity) : writeRod(write, task, token, list);
    return runCopy(itl, command, { operation, listId, immediate, work });
  });
}

async function writeRod(
  write: TokenWrite,
  task: CopyTask,
  token: RodToken,
  list: WriteUsingTokenList,
): Promise<void> {
  const { tokens } = write.itl.host.copies;
  try {
    await tokens.using(token, () => {
      // Whoever has a token may read what it stands for, whatever else it may do with that unit (SPC-4 5.17.6.1).
      const party = new CopyParty(write.itl, 'source', token.medium);
      return write.run(task, new RodSource(token, party), token.lengthBytes);
    });
  } finally {
    if (list.deleteToken) tokens.delete(token);
  }
}

function isZeroToken(token: Uint8Array): boolean {
  const { rodType, lengthField } = parseRodToken(token);
  if (rodType !== RodType.BLOCK_ZERO) return false;
  if (lengthField === ROD_TOKEN_LENGTH) return true;
  throw illegalRequest(AdditionalSenseCode.INVALID_TOKEN_OPERATION_INVALID_TOKEN_LENGTH);
}

/** Writes what a token stands for to the ranges of a WRITE USING TOKEN command, in their order. */
class TokenWrite {
  readonly itl: ItlNexus;
  readonly #list: WriteUsingTokenList;
  readonly #wantedBytes: number;
  readonly #operation: CopyOperation;

  constructor(itl: ItlNexus, list: WriteUsingTokenList, wantedBytes: number, operation: CopyOperation) {
    this.itl = itl;
    this.#list = list;
    this.#wantedBytes = wantedBytes;
    this.#operation = operation;
  }

  async run(task: CopyTask, source: CopySource, rodBytes: number): Promise<void> {
    const { unit } = this.itl;
    const { blockSize, statistics, thresholds } = unit;
    const destination = new CopyParty(this.itl, 'destination');
    let position = this.#list.offsetIntoRodBlocks * blockSize;
    // A block that the ROD fills in part is written, with zeroes after it (SBC-3 5.47.2).
    const available = Math.ceil((rodBytes - position) / blockSize) * blockSize;
    let left = Math.min(this.#wantedBytes, available);
    statistics.writes.begin(left / blockSize, unit.tasks.startMs);
    try {
      for (const { lba, blockCount } of this.#list.ranges) {
        const lengthBytes = Math.min(left, blockCount * blockSize);
        const offset = lba * blockSize;
        const progress = (bytes: number, accesses: number): void => this.#progress(bytes, accesses);
        await copyForward({ task, source, destination, offset, lengthBytes, position, progress });
        position += lengthBytes;
        left -= lengthBytes;
      }
      await destination.settle();
    } catch (error) {
      // The unit that is written to is the one that answers: its failure is that of the command.
      throw error instanceof PartyFailure && error.role === 'destination'
        ? (error.condition ?? error)
        : error;
    } finally {
      statistics.writes.end();
      thresholds.check(this.itl);
    }
    if (this.#operation.transferredBytes < this.#wantedBytes) throw this.#underrun();
  }

  #progress(bytes: number, accesses: number): void {
    this.#operation.transferredBytes += bytes;
    this.#operation.operationCount += accesses;
  }

  /** The ROD has less than was asked for (SBC-3 4.22.2). */
  #underrun(): CheckConditionError {
    const blocks = this.#operation.transferredBytes / this.itl.unit.blockSize;
    const { sense } = copyAborted(AdditionalSenseCode.COPY_TARGET_DEVICE_DATA_UNDERRUN, { residual: blocks });
    const senseKey = blocks === 0 ? SenseKey.ILLEGAL_REQUEST : SenseKey.COPY_ABORTED;
    return new CheckConditionError({ ...sense, senseKey });
  }
}

const properties: Partial<CommandEntry> = {
  needsMedium: true,
  timeouts: SLOW,
  unsupportedFields: ['GROUP_NUMBER'],
};

/** POPULATE TOKEN and WRITE USING TOKEN: offloaded data transfer (ODX). */
export const ROD_TOKEN_COMMANDS: readonly CommandEntry[] = [
  defineCommand(POPULATE_TOKEN, startPopulateToken, { ...properties, access: 'reads' }),
  defineCommand(WRITE_USING_TOKEN, startWriteUsingToken, { ...properties, writes: true }),
];
