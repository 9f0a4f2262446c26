import { BufferPool } from '../../../../iscsi-target/src/buffer-pool.ts';

const { acquire, release } = BufferPool.prototype;

/** Buffers that targets of this process have taken for writes and not given back. */
export const ledger = { buffersOut: 0 };

BufferPool.prototype.acquire = function (this: BufferPool, lengthBytes: number): Uint8Array {
  ledger.buffersOut++;
  return acquire.call(this, lengthBytes);
};

BufferPool.prototype.release = function (this: BufferPool, buffer: Uint8Array): void {
  ledger.buffersOut--;
  release.call(this, buffer);
};
