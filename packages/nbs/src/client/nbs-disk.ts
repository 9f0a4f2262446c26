import { BaseDevice, BlockError, cutBuffers, type BlockErrorCode, type Extent } from '@lunbox/block';
import { Flag } from '../codec/header.ts';
import type { OpcodeName } from '../codec/opcode-table.ts';
import type { StatusName } from '../codec/status-table.ts';
import { HEADER_BYTES } from '../codec/header.ts';
import { BufferPool } from '../codec/slab.ts';
import type { Fields } from '../codec/tlv.ts';
import type { NbsClient } from './client.ts';
import { NbsClientError } from './client-error.ts';
import type { ClientReply, RequestParts, RequestTarget, Waiter } from './pending.ts';
import { UnflushedChanges, type Change } from './unflushed.ts';

/** How an object is opened. */
export interface NbsDiskOptions {
  /** Name or identity of the object; empty for the first one. */
  readonly name: string;
  /** Name or identity of a snapshot of it, for reading. */
  readonly snapshot?: string;
  readonly readOnly?: boolean;
  /** Other writers are all right. Default false: the object is opened for this client alone. */
  readonly shared?: boolean;
  /** Take the object over from a client that writes to it. Default false. */
  readonly exclusive?: boolean;
  /**
   * Memory for changes that are not durable yet. From half of it on they are made so while others go on; when it is
   * used up, changes wait. Half of it stays with the disk once it was used. Default 256 MiB.
   */
  readonly unflushedLimitBytes?: number;
}

const DEFAULT_UNFLUSHED_LIMIT_BYTES = 256 << 20;

/** What a refusal is to a user of the disk; all others are `BLOCK_IO`. */
const CODES: Partial<Record<StatusName, BlockErrorCode>> = {
  NOSPC: 'BLOCK_NO_SPACE',
  QUOTA: 'BLOCK_NO_SPACE',
  READONLY: 'BLOCK_READ_ONLY',
  RESERVED: 'BLOCK_RESERVED',
  FENCED: 'BLOCK_RESERVED',
  BUSY: 'BLOCK_BUSY',
  LIMIT: 'BLOCK_BUSY',
  FAULTED: 'BLOCK_FAULTED',
  NOTSUP: 'BLOCK_UNSUPPORTED',
  NOENT: 'BLOCK_CLOSED',
};

const OPCODE_OF: Readonly<Record<Change['kind'], OpcodeName>> = {
  write: 'WRITE',
  trim: 'TRIM',
  zero: 'WRITE_ZEROES',
};

/** An object as the server has it open. */
interface Opened extends RequestTarget {
  readonly session: number;
  readonly handle: number;
  readonly epoch: number;
}

/**
 * An object of an NBS server as a block device. It survives the loss of the connection, and a server that is started
 * anew, within the loss timeout of its client: the object is opened again, changes since the last flush are made once
 * more, and requests that were not answered are, too. So a flush that ends well covers every write that was answered,
 * whatever happened to the server meanwhile. What is kept for that is at most `unflushedLimitBytes`.
 *
 * Several clients that share an object must agree on who writes where; making a change once more could undo what
 * another of them has written to the same place meanwhile.
 */
export class NbsDisk extends BaseDevice {
  /** True when changes are refused. */
  readonly readOnly: boolean;
  readonly #client: NbsClient;
  readonly #options: NbsDiskOptions;
  readonly #unflushed = new UnflushedChanges();
  /** Has what was written and is not durable. */
  readonly #pool: BufferPool;
  readonly #endEvents: () => void;
  #size: number;
  #opened: Opened;
  /** The object is being opened again. */
  #opening: Promise<void> | undefined;
  /** What is kept is being made durable. */
  #flushing: Promise<void> | undefined;
  /** Changes that were answered are lost: nothing is acknowledged any more. */
  #faulted = false;

  private constructor(client: NbsClient, options: NbsDiskOptions, opened: Opened, object: Fields) {
    super(object.blockSize ?? 512);
    this.#client = client;
    this.#options = options;
    // New memory costs more than what is written to it: what a flush gives back is used for what comes next.
    this.#pool = new BufferPool(this.#unflushedLimitBytes / 2);
    this.#opened = opened;
    this.#size = object.sizeBytes ?? 0;
    this.readOnly = options.readOnly === true || options.snapshot !== undefined || object.readOnly === true;
    this.#endEvents = client.onEvent((name, { handle, sizeBytes }) => {
      if (name === 'OBJECT_CHANGED' && handle === this.#opened.handle) this.#resized(sizeBytes);
    });
  }

  /** Opens an object. Throws a BlockError; the {@link NbsClientError} is its `cause`. */
  static async open(client: NbsClient, options: NbsDiskOptions): Promise<NbsDisk> {
    try {
      const { opened, object } = await openObject(client, options);
      return new NbsDisk(client, options, opened, object);
    } catch (error) {
      throw diskFailure('open', error);
    }
  }

  /** Capacity in bytes. */
  override get size(): number {
    return this.#size;
  }

  /**
   * Sends a request about the open object, as those of snapshots are; it is not sent again to a server that was started
   * anew. Throws a {@link NbsClientError}.
   */
  async request(name: OpcodeName, parts: RequestParts = {}): Promise<Fields> {
    if (this.#opening !== undefined) await this.#opening;
    return (await this.#client.request(name, { ...parts, ...this.#opened })).fields;
  }

  /** Replaces bytes if they are what is expected: as one action, whoever else writes. Answers whether they were. */
  async compareAndWrite(expected: Uint8Array, data: Uint8Array, offset: number): Promise<boolean> {
    const { length } = data;
    try {
      const flags = Flag.FUA;
      await this.request('COMPARE_AND_WRITE', { offset, length, flags, data: [expected, data] });
      // It is durable; what was written there before and is made again must not come after it.
      const message = this.#pool.take(HEADER_BYTES + length);
      message.set(data, HEADER_BYTES);
      this.#unflushed.add({ kind: 'write', offset, length, flags, message });
      return true;
    } catch (error) {
      if (error instanceof NbsClientError && error.status === 'MISCOMPARE') return false;
      throw diskFailure('compareAndWrite', error);
    }
  }

  protected readRange(into: readonly Uint8Array[], offset: number, length: number): Promise<void> {
    return this.#inPieces(into, length, async (pieces, at, lengthBytes) => {
      await this.#repeat('read', 'READ', { offset: offset + at, length: lengthBytes, into: pieces });
    });
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): Promise<void> {
    const flags = fua ? Flag.FUA : 0;
    return this.#inPieces(from, length, (pieces, at, lengthBytes) => {
      // A copy, since it may have to be written once more.
      const message = this.#pool.take(HEADER_BYTES + lengthBytes);
      let filled = HEADER_BYTES;
      for (const piece of pieces) {
        message.set(piece, filled);
        filled += piece.length;
      }
      return this.#change({ kind: 'write', offset: offset + at, length: lengthBytes, flags, message });
    });
  }

  protected async flushAll(): Promise<void> {
    if (this.readOnly) return;
    const { total } = this.#unflushed;
    await this.#repeat('flush', 'FLUSH', {});
    for (const { message } of this.#unflushed.flushed(total))
      if (message !== undefined) this.#pool.give(message);
  }

  protected unmapRange(offset: number, length: number): Promise<void> {
    return this.#change({ kind: 'trim', offset, length, flags: 0, message: undefined });
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): Promise<void> {
    const flags = mayUnmap ? 0 : Flag.NO_HOLE;
    return this.#change({ kind: 'zero', offset, length, flags, message: undefined });
  }

  protected async extentsOf(offset: number, length: number, limit: number): Promise<Extent[]> {
    const { fields } = await this.#repeat('extents', 'BLOCK_STATUS', { offset, length, fields: {} });
    const extents = (fields.extent ?? []).slice(0, limit);
    return extents.map((extent) => ({
      offset: extent.offset ?? 0,
      length: extent.length ?? 0,
      state: (extent.state ?? 'data') as Extent['state'],
    }));
  }

  protected async release(): Promise<void> {
    this.#endEvents();
    const { handle, session } = this.#opened;
    // A session that is gone has closed the object by itself.
    await this.#client.request('CLOSE', { handle, session }).catch(() => undefined);
  }

  get #unflushedLimitBytes(): number {
    return this.#options.unflushedLimitBytes ?? DEFAULT_UNFLUSHED_LIMIT_BYTES;
  }

  /** Makes durable what is kept, once for all who ask for it meanwhile. */
  #flushKept(): Promise<void> {
    this.#flushing ??= this.flushAll().finally(() => (this.#flushing = undefined));
    return this.#flushing;
  }

  async #change(change: Change): Promise<void> {
    const { bytes } = this.#unflushed;
    const unflushedLimitBytes = this.#unflushedLimitBytes;
    if (bytes >= unflushedLimitBytes) await this.#flushKept();
    // When it fails, the changes are still kept, and whoever comes to the limit is told.
    else if (bytes >= unflushedLimitBytes / 2) this.#flushKept().catch(() => undefined);
    try {
      await this.#repeat(change.kind, OPCODE_OF[change.kind], change);
    } catch (error) {
      // It may still wait to be sent.
      if (change.message !== undefined) this.#pool.lose(change.message);
      throw error;
    }
    this.#unflushed.add(change);
  }

  /** Does `work` in pieces that fit a payload. */
  #inPieces(
    buffers: readonly Uint8Array[],
    length: number,
    work: (pieces: readonly Uint8Array[], at: number, lengthBytes: number) => Promise<void>,
  ): Promise<void> {
    const { maxPayloadBytes = 65_536 } = this.#client.server;
    if (length <= maxPayloadBytes) return work(buffers, 0, length);
    const pieces: Promise<void>[] = [];
    for (let at = 0; at < length; at += maxPayloadBytes) {
      const lengthBytes = Math.min(maxPayloadBytes, length - at);
      pieces.push(work(cutBuffers(buffers, at, lengthBytes), at, lengthBytes));
    }
    return Promise.all(pieces).then(() => undefined);
  }

  /** Sends a request that may be done again; after the loss of the session, it is, when the object is open again. */
  #repeat(operation: string, name: OpcodeName, parts: RequestParts): Promise<ClientReply> {
    return new Promise((resolve, reject) => this.#submit(operation, name, parts, { resolve, reject }));
  }

  #submit(operation: string, name: OpcodeName, parts: RequestParts, waiter: Waiter): void {
    const { resolve, reject } = waiter;
    const again = (): void => this.#submit(operation, name, parts, waiter);
    if (this.#faulted) return reject(changesLost(operation));
    if (this.#opening !== undefined) return void this.#opening.then(again, reject);
    const opened = this.#opened;
    const failed = (error: Error): void => {
      const isLost = error instanceof NbsClientError && error.code === 'NBS_SESSION_LOST';
      if (!isLost) reject(diskFailure(operation, error));
      // Another request may have found that out, and opened the object again already.
      else if (opened.session !== this.#opened.session) again();
      else void this.#openAgain().then(again, reject);
    };
    this.#client.submit(name, parts, opened, { resolve, reject: failed });
  }

  /** Opens the object in the session that there is now, and makes once more what may be lost. */
  async #openAgain(): Promise<void> {
    // Not in this turn: whoever finds out the same meanwhile waits for the one that begins.
    this.#opening ??= Promise.resolve()
      .then(() => this.#reopen())
      .finally(() => (this.#opening = undefined));
    await this.#opening;
  }

  async #reopen(): Promise<void> {
    for (;;) {
      try {
        const { opened, object } = await openObject(this.#client, this.#options);
        for (const change of this.#unflushed.all)
          await this.#client.request(OPCODE_OF[change.kind], { ...change, ...opened });
        this.#opened = opened;
        this.#resized(object.sizeBytes);
        return;
      } catch (error) {
        if (error instanceof NbsClientError && error.code === 'NBS_SESSION_LOST') continue;
        // Later, somebody else may have written: what is not durable is lost for good.
        if (this.#unflushed.all.length > 0) this.#faulted = true;
        throw diskFailure('open again', error);
      }
    }
  }

  #resized(sizeBytes: number | undefined): void {
    if (sizeBytes === undefined || sizeBytes === this.#size) return;
    this.#size = sizeBytes;
    this.announceResize();
  }
}

async function openObject(
  client: NbsClient,
  options: NbsDiskOptions,
): Promise<{ opened: Opened; object: Fields }> {
  const { name, snapshot: snapshotName, readOnly, shared, exclusive } = options;
  const { fields } = await client.request('OPEN', {
    fields: {
      name,
      ...(snapshotName === undefined ? {} : { snapshotName }),
      ...(readOnly === true ? { readOnly } : {}),
      ...(shared === true ? { shared } : {}),
      ...(exclusive === true ? { exclusive } : {}),
    },
  });
  const { handle = 0, epoch = 0, object: [object = {}] = [] } = fields;
  return { opened: { session: client.sessionCount, handle, epoch }, object };
}

function changesLost(operation: string): BlockError {
  return new BlockError('BLOCK_FAULTED', `${operation}: changes were lost with the server`, { operation });
}

/** A failure of the client as a user of the disk knows it. */
function diskFailure(operation: string, error: unknown): Error {
  if (!(error instanceof NbsClientError)) return error as Error;
  const code =
    error.code === 'NBS_CLOSED' ? 'BLOCK_CLOSED' : ((error.status && CODES[error.status]) ?? 'BLOCK_IO');
  return new BlockError(code, `${operation}: ${error.message}`, { operation }, error);
}
