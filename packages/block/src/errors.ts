/**
 * Why a block request was not done. Match on these, never on the message.
 *
 * - `BLOCK_OUT_OF_RANGE`: the range leaves the device (the caller's mistake).
 * - `BLOCK_UNALIGNED`: offset or length is not a multiple of the block size, or not a safe integer.
 * - `BLOCK_INVALID`: the device cannot be built from these options.
 * - `BLOCK_CLOSED`: the device was closed.
 * - `BLOCK_READ_ONLY`: the device refuses every change.
 * - `BLOCK_RESERVED`: somebody else has the device reserved.
 * - `BLOCK_BUSY`: a bounded queue is full; try again later.
 * - `BLOCK_UNSUPPORTED`: the platform below cannot do this at all.
 * - `BLOCK_NO_SPACE`: the medium or a quota is full (ENOSPC, EDQUOT).
 * - `BLOCK_IO`: the medium failed; `cause` has its own error.
 * - `BLOCK_FAULTED`: an earlier flush failed, so what is on the medium is unknown; nothing more is
 *   acknowledged until the device is opened again.
 */
export type BlockErrorCode =
  | 'BLOCK_OUT_OF_RANGE'
  | 'BLOCK_UNALIGNED'
  | 'BLOCK_INVALID'
  | 'BLOCK_CLOSED'
  | 'BLOCK_READ_ONLY'
  | 'BLOCK_RESERVED'
  | 'BLOCK_BUSY'
  | 'BLOCK_UNSUPPORTED'
  | 'BLOCK_NO_SPACE'
  | 'BLOCK_IO'
  | 'BLOCK_FAULTED';

/** What a {@link BlockError} knows about the request; each field is present where it makes sense. */
export interface BlockErrorData {
  /** The operation: `read`, `write`, `flush`, … */
  readonly operation?: string;
  /** First byte of the refused range. */
  readonly offset?: number;
  /** Length of the refused range in bytes. */
  readonly length?: number;
  /** Capacity of the device in bytes at that moment. */
  readonly size?: number;
  /** Logical block length in bytes. */
  readonly blockSize?: number;
  /** The operating system's name of the failure, such as `EIO`. */
  readonly errno?: string;
}

/** The only error that a `BlockDevice` throws or rejects with. */
export class BlockError extends Error {
  /** Always `BlockError`. */
  override readonly name = 'BlockError';
  /** Stable; see {@link BlockErrorCode}. */
  readonly code: BlockErrorCode;
  /** The numbers behind the message. */
  readonly data: BlockErrorData;

  constructor(code: BlockErrorCode, message: string, data: BlockErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.data = data;
  }
}

/** Errors of the system for which libuv, and so Node, has no name: that of Linux, and that of macOS and the BSDs. */
const NAMELESS: ReadonlyMap<unknown, string> = new Map([
  [-122, 'EDQUOT'],
  [-69, 'EDQUOT'],
]);

/** The name of a negated `errno` that Node calls unknown; undefined for all others. */
export function namelessErrno(errno: unknown): string | undefined {
  return NAMELESS.get(errno);
}

/** The `code` of an operating system error (`ENOENT`, `EIO`, …), or undefined when it has none. */
export function errnoName(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  if (typeof code !== 'string') return undefined;
  // UNKNOWN, or in other versions a sentence.
  const isUnknown = /^unknown/i.test(code) && 'errno' in error;
  return (isUnknown ? namelessErrno(error.errno) : undefined) ?? code;
}

/** Turns a failure of the medium into a {@link BlockError}; one that already is stays itself. */
export function mediumError(operation: string, error: unknown, data: BlockErrorData = {}): BlockError {
  if (error instanceof BlockError) return error;
  const errno = errnoName(error);
  const full = errno === 'ENOSPC' || errno === 'EDQUOT';
  const what = full ? 'has no space left' : 'failed';
  const known = errno === undefined ? { ...data, operation } : { ...data, operation, errno };
  const code = full ? 'BLOCK_NO_SPACE' : 'BLOCK_IO';
  return new BlockError(code, `${operation}: the medium ${what} (${errno ?? String(error)})`, known, error);
}
