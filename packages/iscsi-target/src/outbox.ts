/** Length of one slab: four Data-In PDUs of 256 KiB with their headers, digests and padding. */
const SLAB_BYTES = 4 * (262_144 + 64);
const MAX_IDLE_SLABS = 8;

/** Length of a slab during login: one answer at a time, of 8 KiB at most, may wait for a peer that does not read. */
const LOGIN_SLAB_BYTES = 16_384;

/** A piece of memory that outgoing PDUs are written into, one after the other. */
interface Slab {
  readonly bytes: Uint8Array;
  /** Regions not yet sent or dropped; the slab is used again when it is retired and nobody needs it. */
  references: number;
  retired: boolean;
}

/** A reserved region whose content comes later (a read that missed the page cache). */
export interface PinnedRegion {
  readonly slab: Slab;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Slabs of all connections; memory that nobody needs at the moment is shared. */
export class SlabPool {
  readonly #idle: Slab[] = [];

  /** A slab to write into from its beginning. */
  acquire(): Slab {
    const slab = this.#idle.pop();
    if (slab === undefined) return newSlab(SLAB_BYTES);
    slab.retired = false;
    return slab;
  }

  /** Takes a slab back that nobody refers to any more; the small ones of logins go back to the heap. */
  release(slab: Slab): void {
    if (slab.bytes.length < SLAB_BYTES) return;
    if (this.#idle.length < MAX_IDLE_SLABS) this.#idle.push(slab);
  }
}

/** Hands bytes to the socket; `done` is called when it has taken them and the memory may be used again. */
export type SendSegments = (segments: readonly Uint8Array[], done: () => void) => void;

interface Segment {
  readonly slab: Slab;
  readonly offset: number;
  lengthBytes: number;
}

/**
 * Outgoing bytes of one connection, in order. A PDU reserves its room, is written in place (a read lands here
 * straight from the page cache) and is committed; what is committed in one turn of the event loop leaves in
 * one write.
 */
export class Outbox {
  readonly #pool: SlabPool;
  readonly #send: SendSegments;
  readonly #onDrain: () => void;
  #slab: Slab | undefined;
  #end = 0;
  #queue: Segment[] = [];
  #queuedBytes = 0;
  #sendingBytes = 0;
  #roomy = false;
  #closed = false;

  /** @param onDrain called whenever the socket has taken bytes, so that waiting producers go on. */
  constructor(pool: SlabPool, send: SendSegments, onDrain: () => void) {
    this.#pool = pool;
    this.#send = send;
    this.#onDrain = onDrain;
  }

  /** Bytes committed or with the socket. Producers of bulk data stop above a limit. */
  get backlogBytes(): number {
    return this.#queuedBytes + this.#sendingBytes;
  }

  /** The memory that the offsets of {@link Outbox.reserve} refer to, until the next reservation. */
  get bytes(): Uint8Array {
    return (this.#slab as Slab).bytes;
  }

  /** The login is over: from the next slab on there is room for data. */
  grow(): void {
    this.#roomy = true;
    this.#retire();
  }

  /** Makes room for a PDU of `lengthBytes` and returns its offset in {@link Outbox.bytes}. */
  reserve(lengthBytes: number): number {
    if (this.#slab === undefined || this.#end + lengthBytes > this.#slab.bytes.length)
      this.#renew(lengthBytes);
    const offset = this.#end;
    this.#end += lengthBytes;
    return offset;
  }

  /** Takes back the latest reservation, which was not written. */
  cancel(offset: number): void {
    this.#end = offset;
  }

  /** Puts the reserved bytes behind everything committed so far. Only valid before the next reservation. */
  commit(offset: number, lengthBytes: number): void {
    this.#enqueue(this.#slab as Slab, offset, lengthBytes);
  }

  /** Keeps a reservation for later, while other PDUs are committed. */
  pin(offset: number, lengthBytes: number): PinnedRegion {
    const slab = this.#slab as Slab;
    slab.references++;
    return { slab, offset, lengthBytes };
  }

  /** Commits (or, with `send` false, gives up) a pinned region. */
  unpin(region: PinnedRegion, send: boolean): void {
    if (send) this.#enqueue(region.slab, region.offset, region.lengthBytes);
    this.#unreference(region.slab);
  }

  /** Hands everything committed to the socket. */
  flush(): void {
    const segments = this.#queue;
    if (segments.length === 0) return;
    const bytes = this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#sendingBytes += bytes;
    const views = segments.map((s) => s.slab.bytes.subarray(s.offset, s.offset + s.lengthBytes));
    this.#send(views, () => this.#sent(segments, bytes));
  }

  /** Forgets what is queued; later commits go nowhere. */
  close(): void {
    this.#closed = true;
    for (const segment of this.#queue) this.#unreference(segment.slab);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#retire();
  }

  #renew(lengthBytes: number): void {
    this.#retire();
    this.#slab = this.#roomy ? this.#pool.acquire() : newSlab(LOGIN_SLAB_BYTES);
    this.#end = 0;
    if (lengthBytes > this.#slab.bytes.length)
      throw new RangeError(`a PDU of ${lengthBytes} bytes exceeds a slab`);
  }

  #enqueue(slab: Slab, offset: number, lengthBytes: number): void {
    if (this.#closed) return;
    this.#queuedBytes += lengthBytes;
    const last = this.#queue.at(-1);
    if (last !== undefined && last.slab === slab && last.offset + last.lengthBytes === offset) {
      last.lengthBytes += lengthBytes;
      return;
    }
    slab.references++;
    this.#queue.push({ slab, offset, lengthBytes });
  }

  #sent(segments: readonly Segment[], bytes: number): void {
    this.#sendingBytes -= bytes;
    for (const segment of segments) this.#unreference(segment.slab);
    // Everything is out: an idle connection keeps no slab.
    if (this.#slab !== undefined && this.#slab.references === 0) this.#retire();
    if (!this.#closed) this.#onDrain();
  }

  #retire(): void {
    const slab = this.#slab;
    if (slab === undefined) return;
    this.#slab = undefined;
    slab.retired = true;
    if (slab.references === 0) this.#pool.release(slab);
  }

  #unreference(slab: Slab): void {
    slab.references--;
    if (slab.references === 0 && slab.retired) this.#pool.release(slab);
  }
}

function newSlab(lengthBytes: number): Slab {
  return { bytes: new Uint8Array(lengthBytes), references: 0, retired: false };
}
