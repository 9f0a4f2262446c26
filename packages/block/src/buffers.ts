/** Sum of the lengths of a scatter list, in bytes. */
export function totalLength(buffers: readonly Uint8Array[]): number {
  if (buffers.length === 1) return (buffers[0] as Uint8Array).length;
  let sum = 0;
  for (const buffer of buffers) sum += buffer.length;
  return sum;
}

/** The part `start … start+length` of a scatter list, as views of the same memory; whole buffers are reused. */
export function cutBuffers(buffers: readonly Uint8Array[], start: number, length: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  let skip = start;
  let left = length;
  for (const buffer of buffers) {
    if (left === 0) break;
    if (skip >= buffer.length) {
      skip -= buffer.length;
      continue;
    }
    const take = Math.min(buffer.length - skip, left);
    out.push(take === buffer.length ? buffer : buffer.subarray(skip, skip + take));
    left -= take;
    skip = 0;
  }
  return out;
}

/** Length of {@link zeroBuffer} in bytes. */
export const ZERO_BUFFER_LENGTH: number = 1 << 20;

/** One megabyte of zeroes that everything shares. Never write to it. */
export const zeroBuffer: Uint8Array = new Uint8Array(ZERO_BUFFER_LENGTH);

/** A scatter list of `length` zero bytes that takes no memory of its own beyond the list. */
export function zeroes(length: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let left = length; left > 0; left -= ZERO_BUFFER_LENGTH) {
    out.push(left >= ZERO_BUFFER_LENGTH ? zeroBuffer : zeroBuffer.subarray(0, left));
  }
  return out;
}

/** True when every byte of the view is zero. */
export function isZero(bytes: Uint8Array): boolean {
  // Buffer.compare is memcmp: far faster than a loop, and it stops at the first difference.
  for (let at = 0; at < bytes.length; at += ZERO_BUFFER_LENGTH) {
    const part = bytes.subarray(at, at + ZERO_BUFFER_LENGTH);
    if (Buffer.compare(part, zeroBuffer.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}
