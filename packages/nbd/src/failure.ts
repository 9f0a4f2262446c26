import { BlockError, type BlockErrorCode } from '@lunbox/block';
import { Errno } from './numbers.ts';

/** How each code of a `BlockError` is told to the client. */
const OF_BLOCK: Readonly<Record<BlockErrorCode, number>> = {
  BLOCK_OUT_OF_RANGE: Errno.EINVAL,
  BLOCK_UNALIGNED: Errno.EINVAL,
  BLOCK_INVALID: Errno.EINVAL,
  BLOCK_CLOSED: Errno.ESHUTDOWN,
  BLOCK_READ_ONLY: Errno.EPERM,
  BLOCK_RESERVED: Errno.EPERM,
  BLOCK_BUSY: Errno.EIO,
  BLOCK_UNSUPPORTED: Errno.ENOTSUP,
  BLOCK_NO_SPACE: Errno.ENOSPC,
  BLOCK_IO: Errno.EIO,
  BLOCK_FAULTED: Errno.EIO,
};

/** A request that is refused, with the error that the client gets. */
export class NbdRefusal extends Error {
  /** Always `NbdRefusal`. */
  override readonly name = 'NbdRefusal';
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}

/** What a failure is to the client; undefined for a mistake of ours. */
export function refusalOf(error: unknown): NbdRefusal | undefined {
  if (error instanceof NbdRefusal) return error;
  return error instanceof BlockError ? new NbdRefusal(OF_BLOCK[error.code], error.message) : undefined;
}
