import { isZero, type BlockDevice, type DiskFile } from '@lunbox/block';
import type { CopyOutcome, CopyPlace, OnCopyProgress } from './copy-stored.ts';

const STEP_BYTES = 1 << 20;
/** Zeroes in pieces of this size stay holes. */
const PIECE_BYTES = 1 << 16;
/** Extents that are looked up at a time. */
const EXTENTS_LIMIT = 256;

/** A run of bytes of a disk that holds something. */
interface Run {
  readonly offset: number;
  readonly length: number;
}

/** Runs of a device that are stored, in pieces of a step at most; holes are passed over. */
async function* storedRuns(device: BlockDevice, from: number, end: number): AsyncGenerator<Run> {
  for (let offset = from; offset < end;) {
    const extents = await device.extents(offset, end - offset, { limit: EXTENTS_LIMIT });
    for (const { offset: start, length, state } of extents) {
      offset = start + length;
      if (state === 'hole') continue;
      for (let at = start; at < offset; at += STEP_BYTES)
        yield { offset: at, length: Math.min(STEP_BYTES, offset - at) };
    }
  }
}

/** Copies a device into a file that reads as zeroes; what is zero stays a hole. Answers what was copied. */
export async function copyFromDevice(
  device: BlockDevice,
  target: DiskFile,
  onProgress: OnCopyProgress = () => undefined,
): Promise<CopyOutcome> {
  const { size: totalBytes } = device;
  const buffer = Buffer.alloc(STEP_BYTES);
  let copiedBytes = 0;
  for await (const { offset, length } of storedRuns(device, 0, totalBytes)) {
    const step = buffer.subarray(0, length);
    await device.read([step], offset);
    if (!isZero(step)) {
      await target.write([step], offset);
      copiedBytes += length;
    }
    onProgress({ doneBytes: offset + length, totalBytes });
  }
  onProgress({ doneBytes: totalBytes, totalBytes });
  return { sharedBytes: 0, copiedBytes };
}

/**
 * Copies a run of bytes of a file onto a device that reads as zeroes, from its first block on; holes stay holes, and a
 * last block that is not whole is filled up with zeroes. Answers what was copied. Throws when the file is shorter.
 */
export async function copyToDevice(
  source: CopyPlace,
  lengthBytes: number,
  device: BlockDevice,
  onProgress: OnCopyProgress = () => undefined,
): Promise<CopyOutcome> {
  const { file, offset } = source;
  const buffer = Buffer.alloc(STEP_BYTES);
  let copiedBytes = 0;
  let done = 0;
  while (done < lengthBytes) {
    const stored = Math.min(file.seekData(offset + done) ?? offset + done, offset + lengthBytes) - offset;
    // A hole may end in the middle of a step, and of a block.
    done = Math.max(done, stored - (stored % STEP_BYTES));
    const step = buffer.subarray(0, Math.min(STEP_BYTES, lengthBytes - done));
    if (step.length === 0) break;
    const readBytes = await file.read([step], offset + done);
    if (readBytes < step.length) throw new Error(`${file.path} has become shorter while it was copied`);
    const wholeBytes = Math.ceil(step.length / device.blockSize) * device.blockSize;
    const whole = buffer.subarray(0, wholeBytes).fill(0, step.length);
    for (let at = 0; at < wholeBytes; at += PIECE_BYTES) {
      const piece = whole.subarray(at, at + PIECE_BYTES);
      if (isZero(piece)) continue;
      await device.write([piece], done + at);
      copiedBytes += piece.length;
    }
    done += step.length;
    onProgress({ doneBytes: done, totalBytes: lengthBytes });
  }
  onProgress({ doneBytes: lengthBytes, totalBytes: lengthBytes });
  return { sharedBytes: 0, copiedBytes };
}

/** Whether there is anything but zeroes on a device from a byte on. */
export async function isDeviceWritten(device: BlockDevice, from: number): Promise<boolean> {
  const buffer = Buffer.alloc(STEP_BYTES);
  for await (const { offset, length } of storedRuns(device, from, device.size)) {
    const step = buffer.subarray(0, length);
    await device.read([step], offset);
    if (!isZero(step)) return true;
  }
  return false;
}
