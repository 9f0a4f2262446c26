import { errnoName, isZero, type DiskFile } from '@lunbox/block';
import type { ContainerHeader } from '../header.ts';
import { finding, type Finding } from './finding.ts';

/** How far the reading of the data has come; holes count as read. */
export interface ScanProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly unreadableBytes: number;
}

const STEP_BYTES = 1 << 20;
/** A step that fails is tried again in pieces of this size, to name the bytes that are lost. */
const PIECE_BYTES = 4096;
/** More places than this are told as one. */
const PLACES_LIMIT = 100;

interface Range {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Reads whatever takes space in the disk; what the medium cannot give back is a finding each. */
export async function scanData(
  file: DiskFile,
  { dataOffset, capacityBytes }: ContainerHeader,
  onProgress: (progress: ScanProgress) => void = () => undefined,
): Promise<Finding[]> {
  const lost: Range[] = [];
  const endOffset = dataOffset + capacityBytes;
  const buffer = Buffer.alloc(STEP_BYTES);
  let unreadableBytes = 0;
  let offset = nextData(file, dataOffset, endOffset);
  while (offset < endOffset) {
    const lengthBytes = Math.min(STEP_BYTES - (offset % STEP_BYTES), endOffset - offset);
    for (const range of await unreadable(file, { offset, lengthBytes }, buffer)) {
      append(lost, range);
      unreadableBytes += range.lengthBytes;
    }
    offset = nextData(file, offset + lengthBytes, endOffset);
    onProgress({ doneBytes: offset - dataOffset, totalBytes: capacityBytes, unreadableBytes });
  }
  return lost.map((place) => {
    const at = place.offset - dataOffset;
    return finding(
      'DATA_UNREADABLE',
      `${place.lengthBytes} bytes of the disk at ${at} cannot be read`,
      place,
    );
  });
}

/** Whether there is anything but zeroes in a part of the file; a copy may store the zeroes of a hole. */
export async function isWritten(file: DiskFile, offset: number, lengthBytes: number): Promise<boolean> {
  const buffer = Buffer.alloc(STEP_BYTES);
  const endOffset = offset + lengthBytes;
  for (let at = nextData(file, offset, endOffset); at < endOffset; at = nextData(file, at, endOffset)) {
    const step = buffer.subarray(0, Math.min(STEP_BYTES, endOffset - at));
    const readBytes = await file.read([step], at);
    if (!isZero(step.subarray(0, readBytes))) return true;
    at += step.length;
  }
  return false;
}

/** Where to read on; a platform that cannot tell holes has everything read. */
function nextData(file: DiskFile, offset: number, endOffset: number): number {
  if (offset >= endOffset) return endOffset;
  return Math.min(file.seekData(offset) ?? offset, endOffset);
}

async function unreadable(file: DiskFile, range: Range, buffer: Buffer): Promise<Range[]> {
  if (await isReadable(file, range, buffer)) return [];
  const lost: Range[] = [];
  const endOffset = range.offset + range.lengthBytes;
  for (let offset = range.offset; offset < endOffset; offset += PIECE_BYTES) {
    const piece = { offset, lengthBytes: Math.min(PIECE_BYTES, endOffset - offset) };
    if (!(await isReadable(file, piece, buffer))) append(lost, piece);
  }
  return lost;
}

async function isReadable(file: DiskFile, { offset, lengthBytes }: Range, buffer: Buffer): Promise<boolean> {
  try {
    await file.read([buffer.subarray(0, lengthBytes)], offset);
    return true;
  } catch (error) {
    if (errnoName(error) !== 'EIO') throw error;
    return false;
  }
}

/** Adds a range to the last one where they meet, or where there are too many to name them all. */
function append(ranges: Range[], range: Range): void {
  const last = ranges.at(-1);
  const meets = last !== undefined && last.offset + last.lengthBytes === range.offset;
  if (last === undefined || (!meets && ranges.length < PLACES_LIMIT)) {
    ranges.push(range);
    return;
  }
  ranges[ranges.length - 1] = {
    offset: last.offset,
    lengthBytes: range.offset + range.lengthBytes - last.offset,
  };
}
