import {
  BlockError,
  mediumError,
  yieldTurn,
  type Disk,
  type DiskFile,
  type MaybePromise,
} from '@lunbox/block';
import {
  decodeGroup,
  encodeGroup,
  groupBytes,
  isLaterGroup,
  type GrainRecord,
  type Group,
} from './grain-record.ts';
import { blockCrc, LOG_BLOCK_BYTES, LOG_MAGIC, LOG_VERSION, logHeaderLayout } from './log-layout.ts';
import type { IndexedEnd } from './map-index.ts';
import { SnapshotError } from './snapshot-error.ts';

/** What a log is made with, and keeps in its first block. */
export interface LogIdentity {
  /** 16 random bytes. They are never shown to initiators, so that no data can pretend to be a group. */
  readonly log: Uint8Array;
  /** Identity of the object whose grains it keeps. */
  readonly object: Uint8Array;
  /** A power of two, 4 KiB or more. */
  readonly grainBytes: number;
  readonly createdMs: number;
}

/** Ends of a log that stand in 32 bits, counted in blocks. */
const LOG_LIMIT_BYTES = (2 ** 32 - 16) * LOG_BLOCK_BYTES;
/** What is looked through at a time behind the last whole group. */
const TAIL_CHUNK_BYTES = 256 * LOG_BLOCK_BYTES;
/** Where the first group is. */
const LOG_START: IndexedEnd = { endOffset: LOG_BLOCK_BYTES, nextSequence: 1 };
const CRC_OFFSET = logHeaderLayout.offsetOf('headerCrc') as number;

/**
 * An append-only file of groups. A group is a block of records and the contents that go with them; it counts once the
 * one after it, or `append`, says that it is durable.
 */
export class SaveLog {
  readonly path: string;
  readonly identity: LogIdentity;
  readonly #file: DiskFile;
  /** Where the next group goes, and its number. */
  #endOffset = LOG_START.endOffset;
  #nextSequence = LOG_START.nextSequence;
  #fault: unknown;

  private constructor(file: DiskFile, identity: LogIdentity) {
    this.path = file.path;
    this.identity = identity;
    this.#file = file;
  }

  /** Makes a new log, durable but for its name. */
  static async create(disk: Disk, path: string, identity: LogIdentity): Promise<SaveLog> {
    const file = await disk.open(path, 'create');
    try {
      await file.write([encodeHeader(identity)], 0);
      await file.sync();
      return new SaveLog(file, identity);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Opens a log. Its end is not known until it has been scanned. Throws `SNAPSHOT_CORRUPT`. */
  static async open(disk: Disk, path: string, mode: 'read' | 'write'): Promise<SaveLog> {
    const file = await disk.open(path, mode);
    try {
      const block = Buffer.alloc(LOG_BLOCK_BYTES);
      await file.read([block], 0);
      const identity = decodeHeader(block);
      if (identity === undefined) throw corrupt(path, 'its first block is damaged');
      return new SaveLog(file, identity);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How far the log goes: after a scan, and what was appended since. */
  get end(): IndexedEnd {
    return { endOffset: this.#endOffset, nextSequence: this.#nextSequence };
  }

  /**
   * Goes through the groups from the first one on, or from where an index ends, up to where no whole one follows. The
   * last may be one that never became durable.
   */
  async scan(onGroup: (group: Group) => MaybePromise<void>, from: IndexedEnd = LOG_START): Promise<void> {
    const { sizeBytes } = await this.#file.status();
    const block = Buffer.alloc(LOG_BLOCK_BYTES);
    if (from.endOffset > sizeBytes) throw corrupt(this.path, 'it is shorter than its index says');
    this.#endOffset = from.endOffset;
    this.#nextSequence = from.nextSequence;
    for (;;) {
      const offset = this.#endOffset;
      if (offset + LOG_BLOCK_BYTES > sizeBytes) return;
      await this.#file.read([block], offset);
      const records = decodeGroup(block, this.identity.log, this.#nextSequence);
      if (records === undefined) return await this.#checkTail(sizeBytes);
      const endOffset = offset + groupBytes(records, this.identity.grainBytes);
      if (endOffset > sizeBytes) return;
      await onGroup({ sequence: this.#nextSequence, offset, records });
      this.#endOffset = endOffset;
      this.#nextSequence++;
    }
  }

  /**
   * A crash leaves at most one group behind the last whole one: the next is written when the one before is durable. A
   * later one tells that the medium has lost what stood before it. Throws `SNAPSHOT_CORRUPT`.
   */
  async #checkTail(sizeBytes: number): Promise<void> {
    const chunk = Buffer.alloc(TAIL_CHUNK_BYTES);
    for (let offset = this.#endOffset; offset + LOG_BLOCK_BYTES <= sizeBytes; offset += chunk.length) {
      const lengthBytes = await this.#file.read([chunk], offset);
      for (let at = 0; at + LOG_BLOCK_BYTES <= lengthBytes; at += LOG_BLOCK_BYTES)
        if (isLaterGroup(chunk.subarray(at, at + LOG_BLOCK_BYTES), this.identity.log, this.#nextSequence))
          throw corrupt(this.path, `the group at byte ${this.#endOffset} is lost, and there are later ones`);
      await yieldTurn();
    }
  }

  /**
   * The groups that are durable, from the first one on; some that come meanwhile may be left out. Throws
   * `SNAPSHOT_CORRUPT` where one cannot be read any more.
   */
  async *groups(): AsyncGenerator<Group> {
    const endOffset = this.#endOffset;
    const block = Buffer.alloc(LOG_BLOCK_BYTES);
    let offset = LOG_BLOCK_BYTES;
    for (let sequence = 1; offset < endOffset; sequence++) {
      await this.read([block], offset, LOG_BLOCK_BYTES);
      const records = decodeGroup(block, this.identity.log, sequence);
      if (records === undefined) throw corrupt(this.path, `group ${sequence} has changed`);
      yield { sequence, offset, records };
      offset += groupBytes(records, this.identity.grainBytes);
    }
  }

  /** What is read from now on is what the medium has, also after a failed sync. */
  async dropCache(): Promise<void> {
    await this.#file.dropCache(0, (await this.#file.status()).sizeBytes);
  }

  /** Cuts off a group, which is the last one, and whatever follows; durable when it completes. */
  async cutFrom(group: Group): Promise<void> {
    this.#endOffset = group.offset;
    this.#nextSequence = group.sequence;
    await this.cutTail();
  }

  /** Takes away what a crash left behind the last group, and makes all that is kept durable. */
  async cutTail(): Promise<void> {
    await this.#file.truncate(this.#endOffset);
    await this.#file.sync();
  }

  /**
   * Appends a group and waits until it is durable. Answers where its contents begin. When the medium has no room
   * (`BLOCK_NO_SPACE`) nothing is changed; after a failed sync every later call is refused with `BLOCK_FAULTED`.
   *
   * @param contents - that of each `data` record, in their order
   */
  async append(records: readonly GrainRecord[], contents: readonly Uint8Array[]): Promise<number> {
    this.checkSound();
    const { log, grainBytes } = this.identity;
    const offset = this.#endOffset;
    const endOffset = offset + groupBytes(records, grainBytes);
    if (endOffset > LOG_LIMIT_BYTES)
      throw new BlockError('BLOCK_NO_SPACE', `${this.path} has reached its largest size`);
    try {
      await this.#file.write([encodeGroup(log, this.#nextSequence, records), ...contents], offset);
    } catch (error) {
      throw mediumError('save', error);
    }
    try {
      await this.#file.sync();
    } catch (error) {
      this.#fault = error;
      throw mediumError('save', error);
    }
    this.#endOffset = endOffset;
    this.#nextSequence++;
    return offset + LOG_BLOCK_BYTES;
  }

  /** @throws BlockError `BLOCK_FAULTED` after a failed sync. */
  checkSound(): void {
    if (this.#fault === undefined) return;
    const message = 'what is saved for the snapshots may be lost, since a sync failed; open the object again';
    throw new BlockError('BLOCK_FAULTED', message, {}, this.#fault);
  }

  /** Reads saved content, from `offset` within the log. Throws `BLOCK_IO`. */
  async read(into: readonly Uint8Array[], offset: number, lengthBytes: number): Promise<void> {
    let count: number;
    try {
      count = await this.#file.read(into, offset);
    } catch (error) {
      throw mediumError('read', error);
    }
    if (count < lengthBytes) throw new BlockError('BLOCK_IO', `${this.path} ends within what it has saved`);
  }

  /** Gives the space of saved content back. */
  async forget(offset: number): Promise<void> {
    await this.#file.punchHole(offset, this.identity.grainBytes);
  }

  /** Space that the log takes. */
  async usedBytes(): Promise<number> {
    return (await this.#file.status()).allocatedBytes;
  }

  /** Closes the file. Idempotent. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

function encodeHeader({ log, object, grainBytes, createdMs }: LogIdentity): Buffer {
  const block = Buffer.alloc(LOG_BLOCK_BYTES);
  logHeaderLayout.encode(
    {
      magic: Buffer.from(LOG_MAGIC, 'latin1'),
      formatVersion: LOG_VERSION,
      headerLength: LOG_BLOCK_BYTES,
      headerCrc: 0,
      grainBytes,
      log: Buffer.from(log),
      object: Buffer.from(object),
      createdMs,
      reserved: Buffer.alloc(4032),
    },
    block,
  );
  block.writeUInt32BE(blockCrc(block, CRC_OFFSET), CRC_OFFSET);
  return block;
}

function decodeHeader(block: Buffer): LogIdentity | undefined {
  const fields = logHeaderLayout.decode(block);
  const { grainBytes, createdMs } = fields;
  const isSound =
    fields.magic.toString('latin1') === LOG_MAGIC &&
    fields.formatVersion === LOG_VERSION &&
    fields.headerLength === LOG_BLOCK_BYTES &&
    fields.headerCrc === blockCrc(block, CRC_OFFSET);
  if (!isSound || !isGrainSize(grainBytes)) return undefined;
  return { log: new Uint8Array(fields.log), object: new Uint8Array(fields.object), grainBytes, createdMs };
}

/** Sizes that a grain may have: powers of two from 4 KiB to 1 MiB. */
export function isGrainSize(bytes: number): boolean {
  return bytes >= LOG_BLOCK_BYTES && bytes <= 1 << 20 && Math.log2(bytes) % 1 === 0;
}

function corrupt(path: string, what: string): SnapshotError {
  return new SnapshotError('SNAPSHOT_CORRUPT', `${path} is damaged: ${what}`, { path });
}
