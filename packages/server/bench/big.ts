import { SeededRandom } from '@lunbox/block';
import type { TargetUnderTest } from '../test/support/target-under-test.ts';
import { readCapacity, settle } from './disk.ts';
import { Initiator } from './initiator.ts';
import { residentBytes } from './process-stat.ts';
import {
  formatResponsiveness,
  watchTurns,
  writeSameWholeDisk,
  type Responsiveness,
} from './responsiveness.ts';
import { CommandError, Task } from './task.ts';

/** Most blocks of one UNMAP, as the Block Limits VPD page says. */
const UNMAP_BLOCKS = 1_048_576;
const ISLAND_BYTES = 64 << 10;
const ISLAND = Buffer.alloc(ISLAND_BYTES, 0xa5);

/** EXTENDED COPY: segments of a command, each of so many blocks, which 16 bits can count. */
const COPY_SEGMENTS = 64;
const SEGMENT_BLOCKS = 0x8000;
const SEGMENT_BYTES = 28;

/** What {@link measureBig} does. */
export interface BigOptions {
  /** Pieces of data before each command; the rest of the disk are holes. */
  readonly islands: number;
  /** Where the pieces are follows from it. */
  readonly seed: number;
}

/** What a command over a whole disk cost. */
export interface BigResult extends Responsiveness {
  /** By how much resident memory grew from before the command to its highest value, bytes. */
  readonly growthBytes: number;
}

/** One connection to a disk, with the commands that go over all of it. */
class WholeDisk {
  readonly #initiator: Initiator;
  readonly blockSize: number;
  readonly blockCount: number;

  private constructor(initiator: Initiator, capacity: { blockSize: number; blockCount: number }) {
    this.#initiator = initiator;
    this.blockSize = capacity.blockSize;
    this.blockCount = capacity.blockCount;
  }

  static async open(target: TargetUnderTest): Promise<WholeDisk> {
    const initiator = await Initiator.connect({ ...target, isid: 0xb3 });
    await settle(initiator);
    return new WholeDisk(initiator, await readCapacity(initiator));
  }

  close(): Promise<void> {
    return this.#initiator.logout();
  }

  /** Stores `count` islands of data in the first half: the rest are holes. Answers where they are. */
  async scatter(count: number, random: SeededRandom): Promise<number[]> {
    const blocks = ISLAND_BYTES / this.blockSize;
    const places = Math.floor(this.blockCount / 2 / blocks);
    const islands = Array.from({ length: count }, () => (random.uint32() % places) * blocks);
    for (const lba of islands) await this.#send(0x8a, 0, lba, blocks, ISLAND);
    await this.#initiator.command([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    return islands;
  }

  /** EXTENDED COPY(LID1) (SPC-4 6.3) of the first half onto the second, islands of data and holes alike. */
  async copyHalf(islands: readonly number[]): Promise<void> {
    const half = this.blockCount / 2;
    for (let lba = 0; lba < half; lba += COPY_SEGMENTS * SEGMENT_BLOCKS) {
      const segments = Math.min(COPY_SEGMENTS, Math.ceil((half - lba) / SEGMENT_BLOCKS));
      const list = Buffer.alloc(16 + segments * SEGMENT_BYTES);
      // LIST ID USAGE 11b: the list has no identifier.
      list[1] = 0b11 << 3;
      list.writeUInt32BE(segments * SEGMENT_BYTES, 8);
      for (let segment = 0; segment < segments; segment++) {
        const from = lba + segment * SEGMENT_BLOCKS;
        describeSegment(list.subarray(16 + segment * SEGMENT_BYTES), from, from + half, half - from);
      }
      const cdb = Buffer.alloc(16);
      cdb[0] = 0x83;
      cdb.writeUInt32BE(list.length, 10);
      await this.#run(cdb, list);
    }
    const blocks = ISLAND_BYTES / this.blockSize;
    for (const lba of islands) await this.#send(0x8f, 0b010, half + lba, blocks, ISLAND);
  }

  /** UNMAP (SBC-4 5.36), one descriptor a command. */
  async unmap(): Promise<void> {
    for (let lba = 0; lba < this.blockCount; lba += UNMAP_BLOCKS) {
      const list = Buffer.alloc(24);
      list.writeUInt16BE(22, 0);
      list.writeUInt16BE(16, 2);
      list.writeBigUInt64BE(BigInt(lba), 8);
      list.writeUInt32BE(Math.min(UNMAP_BLOCKS, this.blockCount - lba), 16);
      await this.#run([0x42, 0, 0, 0, 0, 0, 0, 0, list.length, 0], list);
    }
  }

  /** VERIFY(16) of everything in one command: read what is stored (BYTCHK 00b), or compare all with a block (11b). */
  async verify(block?: Buffer): Promise<void> {
    await this.#send(0x8f, block === undefined ? 0 : 0b110, 0, this.blockCount, block);
  }

  /** SANITIZE, BLOCK ERASE with IMMED (SBC-4 5.29), asked for its progress until it is done. */
  async erase(): Promise<void> {
    await this.#run([0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0]);
    await this.#untilReady();
  }

  /** FORMAT UNIT (SBC-4 5.4), answered when it is done. */
  async format(): Promise<void> {
    await this.#run([0x04, 0, 0, 0, 0, 0]);
  }

  async #untilReady(): Promise<void> {
    for (;;) {
      try {
        await this.#run([0, 0, 0, 0, 0, 0]);
        return;
      } catch (error) {
        if (!(error instanceof CommandError) || !error.task.describeSense().startsWith('02/04/')) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A command with a 64-bit address at byte 2 and a length at byte 10. */
  #send(operationCode: number, flags: number, lba: number, blocks: number, data?: Buffer): Promise<void> {
    const cdb = Buffer.alloc(16);
    cdb[0] = operationCode;
    cdb[1] = flags;
    cdb.writeBigUInt64BE(BigInt(lba), 2);
    cdb.writeUInt32BE(blocks, 10);
    return this.#run(cdb, data);
  }

  async #run(cdb: Iterable<number>, data?: Buffer): Promise<void> {
    const task = new Task();
    task.cdb.set([...cdb]);
    if (data !== undefined) {
      task.direction = 'write';
      task.lengthBytes = data.length;
      task.data = data;
    }
    await this.#initiator.execute(task);
    if (task.status !== 0) throw new CommandError(task);
  }
}

/** A segment of type 02h, block device to block device (SPC-4 6.3.7.4); FFFFh is the unit itself. */
function describeSegment(segment: Buffer, from: number, to: number, blocksLeft: number): void {
  segment[0] = 0x02;
  segment.writeUInt16BE(SEGMENT_BYTES - 4, 2);
  segment.writeUInt32BE(0xffffffff, 4);
  segment.writeUInt16BE(Math.min(SEGMENT_BLOCKS, blocksLeft), 10);
  segment.writeBigUInt64BE(BigInt(from), 12);
  segment.writeBigUInt64BE(BigInt(to), 20);
}

/**
 * Commands over all of a thin disk, `islands` of which hold data before each: how long the event loop was kept, pings
 * waited, and by how much memory grew. Throws for a command that ends with an error, as VERIFY does for data that is not
 * what the command before it should have left.
 */
export async function measureBig(
  target: TargetUnderTest,
  { islands, seed }: BigOptions,
): Promise<BigResult[]> {
  const random = new SeededRandom(seed);
  const disk = await WholeDisk.open(target);
  const results: BigResult[] = [];
  const measure = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const before = residentBytes(target.pid).now;
    let peak = before;
    const watching = setInterval(() => (peak = Math.max(peak, residentBytes(target.pid).now)), 20);
    const seen = await watchTurns(target, name, work).finally(() => clearInterval(watching));
    results.push({ ...seen, growthBytes: Math.max(peak, residentBytes(target.pid).now) - before });
  };
  try {
    const scattered = await disk.scatter(islands, random);
    await measure('EXTENDED COPY, half onto the other half', () => disk.copyHalf(scattered));
    await measure('VERIFY (16), read', () => disk.verify());
    await measure('WRITE SAME (16), UNMAP', () => writeSameWholeDisk(target, 'unmap'));
    await measure('VERIFY (16), one block of zeroes', () => disk.verify(Buffer.alloc(disk.blockSize)));
    await disk.scatter(islands, random);
    await measure('UNMAP', () => disk.unmap());
    await disk.scatter(islands, random);
    await measure('SANITIZE, BLOCK ERASE', () => disk.erase());
    await disk.scatter(islands, random);
    await measure('FORMAT UNIT', () => disk.format());
    await measure('VERIFY (16), one block of zeroes, again', () => disk.verify(Buffer.alloc(disk.blockSize)));
    return results;
  } finally {
    await disk.close();
  }
}

/** The lines of the report, with the growth of memory at the end of each. */
export function formatBig(results: readonly BigResult[]): string {
  const [header = '', ...lines] = formatResponsiveness(results).split('\n');
  const growth = results.map(({ growthBytes }) => `${(growthBytes / 2 ** 20).toFixed(0)} MiB`.padStart(12));
  return [
    `${header}${'memory +'.padStart(12)}`,
    ...lines.map((line, index) => line + (growth[index] ?? '')),
  ].join('\n');
}
