import type { MaybePromise } from '@lunbox/block';
import { TASK_ABORTED } from '../answers.ts';
import { FORMAT_UNIT, type FormatUnitCdb } from '../cdb/medium-cdbs.ts';
import { formatHeaderBytes, parseFormatList, type FormatList } from '../data/format-list.ts';
import type { DataOut, Execution, Finished, ScsiCommand } from '../execution.ts';
import { MediaTransfer } from '../media/media-transfer.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField, invalidParameter } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { ProtectionType } from '../protection/protection-information.ts';
import type { MediumOperation, MediumPass } from '../unit/medium-operations.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { patternBlock, runOperation } from './medium-operation.ts';
import { refuseFields } from './validate.ts';

/** The initialization pattern descriptor has this header, and at most a block of pattern. */
const INITIALIZATION_HEADER_BYTES = 4;

/** INITIALIZATION PATTERN TYPE (SBC-3 table 43). */
const PatternType = { DEFAULT: 0x00, REPEAT: 0x01 } as const;

/** Bits of byte 1 of the parameter list header: the first of the options that FOV is about, and IP. */
const DPRY_BIT = 6;
const IP_BIT = 3;

/**
 * The parameter list of FORMAT UNIT, whose length only the list itself tells: so much is taken as is there, up to the
 * longest list that can be right.
 */
class FormatData extends MediaTransfer implements DataOut {
  readonly kind = 'data-out';
  readonly #bytes: Uint8Array;
  readonly #use: (list: Uint8Array) => MaybePromise<Finished>;

  constructor(itl: ItlNexus, lengthBytes: number, use: (list: Uint8Array) => MaybePromise<Finished>) {
    super(itl, 0, lengthBytes);
    this.#bytes = new Uint8Array(lengthBytes);
    this.#use = use;
  }

  write(from: readonly Uint8Array[], offsetBytes: number): void {
    let at = offsetBytes;
    for (const buffer of from) {
      this.#bytes.set(buffer, at);
      at += buffer.length;
    }
  }

  finish(receivedBytes: number): MaybePromise<Finished> {
    const use = (): MaybePromise<Finished> => this.#use(this.#bytes.subarray(0, receivedBytes));
    return this.unlessBlocked(() => this.itl.guarded('write', undefined, use), TASK_ABORTED);
  }
}

function startFormatUnit(itl: ItlNexus, command: ScsiCommand): MaybePromise<Execution> {
  const fields = FORMAT_UNIT.decode(command.cdb);
  // Without room for protection information there is nothing to choose (SBC-3 table 38).
  if (itl.unit.protection === undefined) refuseFields(FORMAT_UNIT, fields, 'FMTPINFO');
  if (fields.FMTDATA === 0) {
    // SBC-3 table 36: without a parameter list these mean nothing and must be zero.
    refuseFields(FORMAT_UNIT, fields, 'LONGLIST', 'CMPLST', 'DEFECT_LIST_FORMAT');
    return format(itl, command, false, [{ kind: 'unmap' }], protectionType(fields.FMTPINFO, 0));
  }
  // There are no defects that a list could name, so its format does not matter unless nobody defines it.
  if (fields.DEFECT_LIST_FORMAT > 0b101) throw invalidCdbField(FORMAT_UNIT, 'DEFECT_LIST_FORMAT');
  const longest = formatHeaderBytes(fields.LONGLIST === 1) + INITIALIZATION_HEADER_BYTES + itl.unit.blockSize;
  const lengthBytes = Math.min(longest, command.dataOutLengthBytes ?? longest);
  return new FormatData(itl, lengthBytes, (list) => formatByList(itl, command, fields, list));
}

function formatByList(
  itl: ItlNexus,
  command: ScsiCommand,
  fields: FormatUnitCdb,
  list: Uint8Array,
): MaybePromise<Finished> {
  const long = fields.LONGLIST === 1;
  const headerBytes = formatHeaderBytes(long);
  if (list.length < headerBytes) throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  const parsed = parseFormatList(list, long);
  const protection = protectionType(fields.FMTPINFO, parsed.protectionFieldUsage);
  checkList(parsed, headerBytes, long);
  if (parsed.truncated) throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  const passes: MediumPass[] = [initialPass(itl, parsed, headerBytes)];
  // Certification is reading every block.
  if (parsed.formatOptionsValid && !parsed.disableCertification) passes.push({ kind: 'read' });
  return format(itl, command, parsed.immediate, passes, protection);
}

function checkList(list: FormatList, headerBytes: number, long: boolean): void {
  // P_I_I_SUP is 0: one interval for each block.
  if (list.protectionInterval !== 0) throw invalidParameter(3);
  const options = list.disablePrimary || list.disableCertification || list.stopFormat;
  // SBC-3 5.3.2.2: with FOV 0 the options must be zero.
  if (!list.formatOptionsValid && (options || list.initialization !== undefined)) {
    throw invalidParameter(1, options ? DPRY_BIT : IP_BIT);
  }
  if (list.defectListBytes !== 0) throw invalidParameter(headerBytes - (long ? 4 : 2));
}

/** The type that FMTPINFO and PROTECTION FIELD USAGE choose together (SBC-3 table 38). */
function protectionType(formatInformation: number, fieldUsage: number): ProtectionType {
  if (formatInformation === 0b01) throw invalidCdbField(FORMAT_UNIT, 'FMTPINFO');
  if (fieldUsage > (formatInformation === 0b11 ? 1 : 0)) throw invalidParameter(0, 2);
  if (formatInformation !== 0b11) return formatInformation === 0 ? 0 : 1;
  return fieldUsage === 0 ? 2 : 3;
}

function initialPass(itl: ItlNexus, { initialization }: FormatList, headerBytes: number): MediumPass {
  const { blockSize } = itl.unit;
  if (initialization === undefined) return { kind: 'unmap' };
  const { secure, type, pattern } = initialization;
  // Nothing is ever reallocated, so no block out of use could be overwritten.
  if (secure) throw invalidParameter(headerBytes, 5);
  if (type === PatternType.DEFAULT) {
    if (pattern.length > 0) throw invalidParameter(headerBytes + 2);
    return { kind: 'unmap' };
  }
  if (type !== PatternType.REPEAT) throw invalidParameter(headerBytes + 1);
  if (pattern.length === 0 || pattern.length > blockSize) throw invalidParameter(headerBytes + 2);
  return { kind: 'pattern', block: patternBlock(pattern, blockSize) };
}

function format(
  itl: ItlNexus,
  command: ScsiCommand,
  immediate: boolean,
  passes: readonly MediumPass[],
  protection: ProtectionType,
): MaybePromise<Finished> {
  const { operations, protection: device } = itl.unit;
  // Only another SANITIZE makes up for one that failed.
  if (operations.failureOf('sanitize') !== undefined) operations.refuse(false);
  const changes = device !== undefined && device.type !== protection;
  const operation: MediumOperation = { kind: 'format', passes, protection, restricted: false };
  const finished = runOperation(itl, command, operation, immediate);
  // READ CAPACITY(16) says something else from now on.
  if (changes) itl.unit.raiseAttention(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED, itl);
  return finished;
}

/** FORMAT UNIT. */
export const FORMAT_UNIT_COMMAND: CommandEntry = defineCommand(FORMAT_UNIT, startFormatUnit, {
  needsMedium: true,
  repairsMedium: true,
  writes: true,
  administers: true,
  timeouts: SLOW,
  unsupportedFields: ['FMTPINFO'],
});
