import type { Disk, DiskFile } from '@lunbox/block';
import { blob, nu64be, struct, u32be, type Structure } from 'buffer-layout';
import assert from 'node:assert/strict';
import { parseChain, type Chain } from './chain.ts';
import { blockCrc } from './log-layout.ts';
import { SnapshotError } from './snapshot-error.ts';

const SLOT_BYTES = 1 << 20;
const SLOT_COUNT = 2;
const HEADER_BYTES = 64;
const MAGIC = 'LUNBOX-C';

/** What stands before the JSON text in each of the two slots. All numbers are big-endian. */
interface SlotFields {
  magic: Buffer;
  slotCrc: number;
  textLength: number;
  sequence: number;
  ownOffset: number;
  reserved: Buffer;
}

const slotLayout: Structure<SlotFields> = struct<SlotFields>([
  blob(8, 'magic'),
  u32be('slotCrc'),
  u32be('textLength'),
  nu64be('sequence'),
  nu64be('ownOffset'),
  blob(32, 'reserved'),
]);
assert.equal(slotLayout.span, HEADER_BYTES);
const CRC_OFFSET = slotLayout.offsetOf('slotCrc') as number;

/** What a slot holds. */
interface Slot {
  readonly sequence: number;
  readonly chain: Chain;
}

/**
 * The list of snapshots, in a file of two slots that hold the same. They are written one after the other, so that a
 * crash at any byte leaves a whole one, of the list before or of this; and what the medium loses of one, the other has.
 * When `write` completes, the list is what counts: it is the commit point of whatever is done with snapshots.
 */
export class ChainFile {
  readonly #file: DiskFile;
  #sequence: number;
  #chain: Chain;
  #fault: unknown;

  private constructor(file: DiskFile, sequence: number, chain: Chain) {
    this.#file = file;
    this.#sequence = sequence;
    this.#chain = chain;
  }

  /** Makes the file, durable but for its name. */
  static async create(disk: Disk, path: string, chain: Chain): Promise<ChainFile> {
    const created = new ChainFile(await disk.open(path, 'create'), 0, chain);
    try {
      // Later lists find their room, however full the file system is then.
      await created.#file.allocate(0, SLOT_COUNT * SLOT_BYTES);
      await created.write(chain);
      return created;
    } catch (error) {
      await created.close();
      throw error;
    }
  }

  /** Reads a list, of another disk perhaps, after making durable what is found. Throws as {@link ChainFile.open}. */
  static async readDurable(disk: Disk, path: string): Promise<Chain> {
    const file = await disk.open(path, 'read');
    await file.sync().finally(() => file.close());
    const found = await ChainFile.open(disk, path, 'read');
    await found.close();
    return found.chain;
  }

  /** Opens the file. Throws `SNAPSHOT_CORRUPT`. */
  static async open(disk: Disk, path: string, mode: 'read' | 'write'): Promise<ChainFile> {
    const file = await disk.open(path, mode);
    try {
      // After a failed sync the cache shows what is not on the medium.
      await file.dropCache(0, SLOT_COUNT * SLOT_BYTES);
      const slots = [await readSlot(file, 0), await readSlot(file, 1)] as const;
      const index = sequenceOf(slots[1]) > sequenceOf(slots[0]) ? 1 : 0;
      const newest = slots[index];
      if (newest === undefined)
        throw new SnapshotError('SNAPSHOT_CORRUPT', `${path} is damaged: neither of its lists is whole`, {
          path,
        });
      const found = new ChainFile(file, newest.sequence, newest.chain);
      // A crash came between the two, or one of them was damaged.
      const isTwin = sequenceOf(slots[0]) === sequenceOf(slots[1]);
      if (mode === 'write' && !isTwin) await found.#writeSlot(1 - index, newest);
      return found;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The list as it is. */
  get chain(): Chain {
    return this.#chain;
  }

  /** Replaces the list, durably. After a failure nobody knows which one a crash would leave, and it stays so. */
  async write(chain: Chain): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault as Error;
    const sequence = this.#sequence + 1;
    if (encodeSlot(0, { chain, sequence }).length > SLOT_BYTES)
      throw new SnapshotError('SNAPSHOT_LIMIT', 'the names and labels of the snapshots take too much room');
    try {
      for (let index = 0; index < SLOT_COUNT; index++) await this.#writeSlot(index, { chain, sequence });
    } catch (error) {
      this.#fault = error;
      throw error;
    }
    this.#sequence = sequence;
    this.#chain = chain;
  }

  /** Durably, so that it may be relied on when the other one is written. */
  async #writeSlot(index: number, slot: Slot): Promise<void> {
    await this.#file.write([encodeSlot(index, slot)], index * SLOT_BYTES);
    await this.#file.sync();
  }

  /** Closes the file. Idempotent. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

const sequenceOf = (slot: Slot | undefined): number => slot?.sequence ?? -1;

function encodeSlot(index: number, { chain, sequence }: Slot): Buffer {
  const text = Buffer.from(JSON.stringify(chain));
  const slot = Buffer.alloc(HEADER_BYTES + text.length);
  slotLayout.encode(
    {
      magic: Buffer.from(MAGIC, 'latin1'),
      slotCrc: 0,
      textLength: text.length,
      sequence,
      ownOffset: index * SLOT_BYTES,
      reserved: Buffer.alloc(32),
    },
    slot,
  );
  text.copy(slot, HEADER_BYTES);
  slot.writeUInt32BE(blockCrc(slot, CRC_OFFSET), CRC_OFFSET);
  return slot;
}

async function readSlot(file: DiskFile, index: number): Promise<Slot | undefined> {
  const header = Buffer.alloc(HEADER_BYTES);
  await file.read([header], index * SLOT_BYTES);
  const fields = slotLayout.decode(header);
  const isWhole =
    fields.magic.toString('latin1') === MAGIC &&
    fields.ownOffset === index * SLOT_BYTES &&
    fields.textLength <= SLOT_BYTES - HEADER_BYTES;
  if (!isWhole) return undefined;
  const bytes = Buffer.alloc(HEADER_BYTES + fields.textLength);
  await file.read([bytes], index * SLOT_BYTES);
  if (blockCrc(bytes, CRC_OFFSET) !== fields.slotCrc) return undefined;
  const chain = parseChain(bytes.toString('utf8', HEADER_BYTES));
  return chain && { sequence: fields.sequence, chain };
}
