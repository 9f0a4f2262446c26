import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidParameter } from '../sense/check-condition-error.ts';
import { MAX_CSCD_DESCRIPTORS, MAX_DESCRIPTOR_LIST_BYTES, MAX_SEGMENT_DESCRIPTORS } from './copy-limits.ts';
import {
  CSCD_DESCRIPTOR_BYTES,
  IDENTIFICATION_CSCD,
  locateInCscd,
  parseCscdDescriptor,
  type CscdDescriptor,
} from './cscd-descriptor.ts';
import {
  extendedCopyHeaderBytes,
  ListIdUsage,
  locateInExtendedCopyHeader,
  parseExtendedCopyHeader,
  type ExtendedCopyHeader,
  type ExtendedCopyKind,
} from './extended-copy-list.ts';
import {
  parseSegment,
  parseSegmentHeader,
  SEGMENT_PREFIX_BYTES,
  SegmentField,
  segmentBytes,
  type Segment,
} from './segment-descriptor.ts';

/** A descriptor, and where it stands in the parameter list. */
export interface Placed<T> {
  readonly item: T;
  readonly offset: number;
}

/** An EXTENDED COPY parameter list that can be worked through. */
export interface CheckedCopyList {
  readonly header: ExtendedCopyHeader;
  readonly cscds: readonly Placed<CscdDescriptor>[];
  readonly segments: readonly Placed<Segment>[];
}

/**
 * Reads an EXTENDED COPY parameter list. Throws ILLEGAL REQUEST for everything that is wrong before the first segment
 * is looked at (SPC-4 5.17.7.3).
 */
export function checkedCopyList(kind: ExtendedCopyKind, list: Uint8Array): CheckedCopyList {
  const headerBytes = extendedCopyHeaderBytes(kind);
  if (list.length < headerBytes) throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  const header = parseExtendedCopyHeader(kind, list);
  checkLengths(header, list.length - headerBytes);
  if (header.wrongField !== undefined) throw invalidParameter(header.wrongField);
  checkListId(kind, header);
  const cscds = readCscds(list, headerBytes, header.cscdListBytes);
  const segments = readSegments(list, headerBytes + header.cscdListBytes, header.segmentListBytes);
  return { header, cscds, segments };
}

function checkLengths(header: ExtendedCopyHeader, availableBytes: number): void {
  const { cscdListBytes, segmentListBytes, inlineBytes } = header;
  const descriptorBytes = cscdListBytes + segmentListBytes;
  if (descriptorBytes + inlineBytes > availableBytes || descriptorBytes > MAX_DESCRIPTOR_LIST_BYTES) {
    throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  }
  if (inlineBytes > 0) throw illegalRequest(AdditionalSenseCode.INLINE_DATA_LENGTH_EXCEEDED);
  if (cscdListBytes % CSCD_DESCRIPTOR_BYTES !== 0) {
    throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  }
}

function checkListId(kind: ExtendedCopyKind, { listId, listIdUsage }: ExtendedCopyHeader): void {
  if (!Object.values<number>(ListIdUsage).includes(listIdUsage)) {
    const { byteOffset, bit } = locateInExtendedCopyHeader(kind, 'LIST_ID_USAGE');
    throw invalidParameter(byteOffset, bit);
  }
  if (listIdUsage === ListIdUsage.NONE && listId !== 0) {
    throw invalidParameter(locateInExtendedCopyHeader(kind, 'LIST_IDENTIFIER').byteOffset);
  }
}

function readCscds(list: Uint8Array, start: number, lengthBytes: number): Placed<CscdDescriptor>[] {
  if (lengthBytes / CSCD_DESCRIPTOR_BYTES > MAX_CSCD_DESCRIPTORS) {
    throw illegalRequest(AdditionalSenseCode.TOO_MANY_TARGET_DESCRIPTORS);
  }
  const cscds: Placed<CscdDescriptor>[] = [];
  for (let offset = start; offset < start + lengthBytes; offset += CSCD_DESCRIPTOR_BYTES) {
    const item = parseCscdDescriptor(list, offset);
    if (item.typeCode !== IDENTIFICATION_CSCD) {
      throw illegalRequest(AdditionalSenseCode.UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE);
    }
    if (item.designatorLengthBytes > item.designator.length) {
      throw invalidParameter(offset + locateInCscd('DESIGNATOR_LENGTH'));
    }
    cscds.push({ item, offset });
  }
  return cscds;
}

function readSegments(list: Uint8Array, start: number, lengthBytes: number): Placed<Segment>[] {
  const end = start + lengthBytes;
  const segments: Placed<Segment>[] = [];
  for (let offset = start; offset < end;) {
    if (segments.length === MAX_SEGMENT_DESCRIPTORS) {
      throw illegalRequest(AdditionalSenseCode.TOO_MANY_SEGMENT_DESCRIPTORS);
    }
    if (offset + SEGMENT_PREFIX_BYTES > end) {
      throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
    }
    const { typeCode, lengthBytes: declaredBytes } = parseSegmentHeader(list, offset);
    const item = parseSegment(list, offset);
    if (item === undefined)
      throw illegalRequest(AdditionalSenseCode.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE);
    if (declaredBytes !== segmentBytes(typeCode)) {
      throw invalidParameter(offset + SegmentField.DESCRIPTOR_LENGTH);
    }
    if (offset + declaredBytes > end) throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
    segments.push({ item, offset });
    offset += declaredBytes;
  }
  return segments;
}
