/** Buckets of a {@link LatencyHistogram}: the last one holds everything from about half an hour on. */
const BUCKETS = 32;

/** How long commands took: fixed buckets, each twice as wide as the one before. */
export interface LatencyBucket {
  /** The bucket holds latencies below this, in microseconds, and not below the bucket before; a power of two. */
  readonly belowUs: number;
  readonly count: number;
}

/** Counts latencies in buckets of powers of two; counting allocates nothing. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);

  /** Counts one latency. */
  record(latencyMs: number): void {
    const microseconds = Math.min(latencyMs * 1000, 0x7fffffff);
    this.#counts[32 - Math.clz32(microseconds)]! += 1;
  }

  /** The buckets from the first to the last that is not empty. */
  buckets(): LatencyBucket[] {
    const used = this.#counts.findLastIndex((count) => count > 0) + 1;
    return Array.from(this.#counts.subarray(0, used), (count, bits) => ({ belowUs: 2 ** bits, count }));
  }
}
