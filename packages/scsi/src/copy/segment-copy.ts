import type { Medium } from '../media/medium.ts';
import { AdditionalSenseCode, type AdditionalSense } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { CheckedCopyList, Placed } from './checked-copy-list.ts';
import { copyBackward, copyForward, type CopyJob } from './copy-data.ts';
import { copyAborted, PartyFailure, type CopyRole } from './copy-failure.ts';
import type { CopyOperation } from './copy-operation.ts';
import { CopyParty } from './copy-party.ts';
import { UnitSource } from './copy-source.ts';
import type { CopyTask } from './copy-task.ts';
import { COPY_MANAGER_CSCD_ID, locateInCscd, type CscdDescriptor } from './cscd-descriptor.ts';
import {
  SegmentField,
  SegmentType,
  type BlockSegment,
  type OffsetSegment,
  type Segment,
  type VerifySegment,
} from './segment-descriptor.ts';

/** The peripheral device type of every unit that can be copied from and to. */
const DIRECT_ACCESS = 0x00;

/** A unit that a segment names, and the descriptor that it names it by. */
interface Resolved {
  readonly party: CopyParty;
  /** Undefined for the unit that the command was sent to. */
  readonly cscd: Placed<CscdDescriptor> | undefined;
}

/** Bytes of a segment, and where they are in the units. */
interface ByteCopy {
  readonly source: Resolved;
  readonly sourceOffset: number;
  readonly destination: Resolved;
  readonly destinationOffset: number;
  readonly lengthBytes: number;
  /** Bytes of the destination that get zeroes after them. */
  readonly padBytes: number;
}

/** Works through the segments of an EXTENDED COPY command (SPC-4 5.17.7.2). */
export class SegmentCopy {
  readonly #itl: ItlNexus;
  readonly #list: CheckedCopyList;
  readonly #operation: CopyOperation;
  readonly #task: CopyTask;
  readonly #medium: Medium;
  /** Number of the segment that is processed, and what it has written. */
  #segment = 0;
  #segmentWritten = 0;

  /** @param medium of the unit of the nexus, when the command came */
  constructor(
    itl: ItlNexus,
    list: CheckedCopyList,
    operation: CopyOperation,
    task: CopyTask,
    medium: Medium,
  ) {
    this.#itl = itl;
    this.#medium = medium;
    this.#list = list;
    this.#operation = operation;
    this.#task = task;
  }

  /** Processes all segments. Throws COPY ABORTED for the first that fails. */
  async run(): Promise<void> {
    for (const [number, { item }] of this.#list.segments.entries()) {
      this.#segment = number;
      this.#segmentWritten = 0;
      this.#operation.segmentsProcessed = number + 1;
      this.#task.check();
      await this.#process(item);
    }
  }

  #process(segment: Segment): Promise<void> | void {
    if (segment.type === SegmentType.VERIFY) return this.#verify(segment);
    const copy =
      segment.type === SegmentType.BLOCK_TO_BLOCK ? this.#blockCopy(segment) : this.#offsetCopy(segment);
    return this.#move(copy);
  }

  #verify(segment: VerifySegment): void {
    const resolved = this.#resolve(segment.source, 'source');
    if (!segment.testUnitReady) return;
    try {
      resolved.party.check();
    } catch (error) {
      this.#fail(error, resolved, undefined, 0);
    }
  }

  #blockCopy(segment: BlockSegment): ByteCopy {
    const source = this.#resolve(segment.source, 'source');
    const destination = this.#resolve(segment.destination, 'destination');
    const sourceBlock = source.party.blockSize;
    const destinationBlock = destination.party.blockSize;
    const counted = segment.blockCount * (segment.destinationCount ? destinationBlock : sourceBlock);
    const { lengthBytes, padBytes } = this.#fit(segment, counted, source, destination);
    const copy = {
      source,
      sourceOffset: segment.sourceLba * sourceBlock,
      destination,
      destinationOffset: segment.destinationLba * destinationBlock,
      lengthBytes,
      padBytes,
    };
    this.#checkRanges(copy);
    return copy;
  }

  /** What becomes of bytes that do not fill a block (SPC-4 table 116). */
  #fit(
    segment: BlockSegment,
    counted: number,
    source: Resolved,
    destination: Resolved,
  ): Pick<ByteCopy, 'lengthBytes' | 'padBytes'> {
    const destinationRest = counted % destination.party.blockSize;
    const sourceRest = counted % source.party.blockSize;
    if (destinationRest === 0 && sourceRest === 0) return { lengthBytes: counted, padBytes: 0 };
    // Nothing is carried over into another segment.
    if (segment.cat)
      throw this.#wrong(AdditionalSenseCode.INVALID_FIELD_IN_PARAMETER_LIST, { byteOffset: 1, bit: 0 });
    const sourcePad = source.cscd?.item.pad === true;
    const destinationPad = destination.cscd?.item.pad === true;
    if (destinationRest > 0 && destinationPad) {
      return { lengthBytes: counted, padBytes: destination.party.blockSize - destinationRest };
    }
    if (sourcePad) return { lengthBytes: counted - destinationRest, padBytes: 0 };
    throw this.#wrong(AdditionalSenseCode.UNEXPECTED_INEXACT_SEGMENT);
  }

  #offsetCopy(segment: OffsetSegment): ByteCopy {
    const source = this.#resolve(segment.source, 'source');
    const destination = this.#resolve(segment.destination, 'destination');
    const sourceBlock = source.party.blockSize;
    const destinationBlock = destination.party.blockSize;
    const code = AdditionalSenseCode.INVALID_FIELD_IN_PARAMETER_LIST;
    if (segment.sourceByteOffset >= sourceBlock) {
      throw this.#wrong(code, { byteOffset: SegmentField.SOURCE_BYTE_OFFSET });
    }
    if (segment.destinationByteOffset >= destinationBlock) {
      throw this.#wrong(code, { byteOffset: SegmentField.DESTINATION_BYTE_OFFSET });
    }
    const copy = {
      source,
      sourceOffset: segment.sourceLba * sourceBlock + segment.sourceByteOffset,
      destination,
      destinationOffset: segment.destinationLba * destinationBlock + segment.destinationByteOffset,
      lengthBytes: segment.lengthBytes,
      padBytes: 0,
    };
    this.#checkRanges(copy);
    return copy;
  }

  /** Throws for a range that leaves its unit; the address of the destination follows that of the source. */
  #checkRanges(copy: ByteCopy): void {
    const { source, destination, lengthBytes, padBytes } = copy;
    const beyond = ({ party }: Resolved, offset: number, length: number): boolean =>
      offset + length > party.unit.blockCount * party.blockSize;
    const code = AdditionalSenseCode.NO_ADDITIONAL_SENSE_INFORMATION;
    if (beyond(source, copy.sourceOffset, lengthBytes))
      throw this.#wrong(code, { byteOffset: SegmentField.SOURCE_LBA });
    if (beyond(destination, copy.destinationOffset, lengthBytes + padBytes)) {
      throw this.#wrong(code, { byteOffset: SegmentField.DESTINATION_LBA });
    }
  }

  async #move(copy: ByteCopy): Promise<void> {
    if (copy.lengthBytes + copy.padBytes === 0) return;
    const { source, destination } = copy;
    const { unit: from } = source.party;
    const { unit: to } = destination.party;
    from.statistics.reads.begin(Math.ceil(copy.lengthBytes / source.party.blockSize), from.tasks.startMs);
    to.statistics.writes.begin(Math.ceil(copy.lengthBytes / destination.party.blockSize), to.tasks.startMs);
    try {
      await this.#moveParts(copy);
      await destination.party.settle();
    } catch (error) {
      const left = Math.ceil(
        (copy.lengthBytes + copy.padBytes - this.#segmentWritten) / destination.party.blockSize,
      );
      this.#fail(error, source, destination, left);
    } finally {
      from.statistics.reads.end();
      to.statistics.writes.end();
      to.thresholds.check(destination.party.itl);
    }
  }

  /** The parts of blocks at the ends by themselves; from the end on where the destination overlaps the source. */
  async #moveParts(copy: ByteCopy): Promise<void> {
    const { source, destination, lengthBytes, destinationOffset, sourceOffset } = copy;
    const { blockSize } = destination.party;
    const head = Math.min(lengthBytes, (blockSize - (destinationOffset % blockSize)) % blockSize);
    const tail = copy.padBytes > 0 ? 0 : (lengthBytes - head) % blockSize;
    const middle = lengthBytes + copy.padBytes - head - tail;
    const sameUnit = source.party.unit === destination.party.unit;
    const distance = destinationOffset - sourceOffset;
    const backward = sameUnit && distance > 0 && distance < lengthBytes;
    const job: CopyJob = {
      task: this.#task,
      source: new UnitSource(source.party, sourceOffset, lengthBytes),
      destination: destination.party,
      offset: destinationOffset + head,
      lengthBytes: middle,
      position: head,
      progress: (bytes, accesses) => this.#progress(bytes, accesses),
    };
    const parts = [
      (): Promise<void> => this.#patch(copy, 0, head),
      (): Promise<void> => (backward ? copyBackward(job) : copyForward(job)),
      (): Promise<void> => this.#patch(copy, lengthBytes - tail, tail),
    ];
    for (const part of backward ? parts.reverse() : parts) await part();
  }

  /** Puts bytes into a block of the destination. */
  async #patch(copy: ByteCopy, position: number, lengthBytes: number): Promise<void> {
    if (lengthBytes === 0) return;
    const { source, destination } = copy;
    const bytes = new Uint8Array(lengthBytes);
    this.#task.check();
    source.party.check();
    await source.party.read(bytes, copy.sourceOffset + position);
    this.#task.check();
    destination.party.check();
    await destination.party.patch(bytes, copy.destinationOffset + position);
    this.#progress(lengthBytes, 3);
  }

  #progress(bytes: number, accesses: number): void {
    this.#segmentWritten += bytes;
    this.#operation.transferredBytes += bytes;
    this.#operation.operationCount += accesses;
  }

  /** The unit of a CSCD descriptor ID, as the initiator may see it. */
  #resolve(id: number, role: CopyRole): Resolved {
    if (id === COPY_MANAGER_CSCD_ID) return { party: this.#party(this.#itl, role), cscd: undefined };
    const cscd = this.#list.cscds[id];
    const field = role === 'source' ? SegmentField.SOURCE : SegmentField.DESTINATION;
    const unreachable = AdditionalSenseCode.UNREACHABLE_COPY_TARGET;
    if (cscd === undefined) throw this.#wrong(unreachable, { byteOffset: field });
    const { item, offset } = cscd;
    const itl = item.nul ? undefined : this.#itl.host.copies.find(this.#itl, item);
    if (itl === undefined) throw this.#wrongCscd(unreachable, offset);
    if (item.peripheralDeviceType !== DIRECT_ACCESS || itl.unit.kind === 'cd-rom') {
      throw this.#wrongCscd(AdditionalSenseCode.INCORRECT_COPY_TARGET_DEVICE_TYPE, offset);
    }
    if (item.blockLengthBytes !== 0 && item.blockLengthBytes !== itl.unit.blockSize) {
      const byteOffset = offset + locateInCscd('DISK_BLOCK_LENGTH');
      throw this.#wrongCscd(AdditionalSenseCode.INVALID_FIELD_IN_PARAMETER_LIST, byteOffset);
    }
    this.#task.involve(itl);
    return { party: this.#party(itl, role), cscd };
  }

  #party(itl: ItlNexus, role: CopyRole): CopyParty {
    return itl === this.#itl ? new CopyParty(itl, role, this.#medium) : new CopyParty(itl, role);
  }

  /** Something is wrong with the segment descriptor. */
  #wrong(code: AdditionalSense, field?: { byteOffset: number; bit?: number }): CheckConditionError {
    const pointer = field === undefined ? {} : { pointer: { inSegment: true, ...field } };
    return copyAborted(code, { segment: this.#segment, ...pointer });
  }

  /** Something is wrong with a CSCD descriptor. */
  #wrongCscd(code: AdditionalSense, byteOffset: number): CheckConditionError {
    return copyAborted(code, { segment: this.#segment, pointer: { byteOffset } });
  }

  /** A segment was not finished: says which, how much of it is left, and what a unit said. */
  #fail(error: unknown, source: Resolved, destination: Resolved | undefined, left: number): never {
    const residual = this.#segmentWritten > 0 ? { residual: left } : {};
    const more = { segment: this.#segment, ...residual };
    if (error instanceof CheckConditionError) throw copyAborted(error.sense, more, error);
    if (!(error instanceof PartyFailure)) throw error;
    const { forwarded } = error;
    const cscd = (forwarded.from === 'source' ? source : destination)?.cscd;
    const pointer = cscd === undefined ? {} : { pointer: { byteOffset: cscd.offset } };
    throw copyAborted(
      AdditionalSenseCode.THIRD_PARTY_DEVICE_FAILURE,
      { ...more, forwarded, ...pointer },
      error,
    );
  }
}
