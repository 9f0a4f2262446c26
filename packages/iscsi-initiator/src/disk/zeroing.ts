import { zeroes } from '@lunbox/block';
import { buildUnmapList, UNMAP, WRITE_SAME_16 } from '@lunbox/scsi';
import { inPieces } from './in-pieces.ts';
import { isUnsupported, type LunClient } from './lun-client.ts';
import type { LunProperties } from './lun-properties.ts';

/** Writes blocks, for units that know no shorter way to zero them. */
export type WriteBlocks = (lba: number, data: readonly Uint8Array[]) => Promise<void>;

/** What a unit turned out to have; each is true until it is refused. */
export interface LunFeatures {
  /** GET LBA STATUS, with a meaning that is of use. */
  lbaStatus: boolean;
  /** WRITE SAME(16). */
  writeSame: boolean;
}

/** The three ways to make blocks of a logical unit zero. */
export class Zeroing {
  readonly #unit: LunClient;
  readonly #properties: LunProperties;
  readonly #write: WriteBlocks;
  /** One block of zeroes, the Data-Out of WRITE SAME. */
  readonly #block: readonly Uint8Array[];
  readonly #features: LunFeatures;

  constructor(unit: LunClient, properties: LunProperties, features: LunFeatures, write: WriteBlocks) {
    this.#features = features;
    this.#unit = unit;
    this.#properties = properties;
    this.#write = write;
    this.#block = zeroes(properties.blockBytes);
  }

  /** Zeroes blocks; with `mayUnmap` they need not be stored any more. */
  async zero(lba: number, blockCount: number, mayUnmap: boolean): Promise<void> {
    const unmap = mayUnmap && this.#properties.writeSameUnmaps;
    if (this.#features.writeSame && (await this.#writeSame(lba, blockCount, unmap))) return;
    const { blockBytes, maxTransferBytes } = this.#properties;
    const pieceBlocks = Math.max(1, Math.floor(maxTransferBytes / blockBytes));
    await inPieces(lba, blockCount, pieceBlocks, (at, count) => this.#write(at, zeroes(count * blockBytes)));
  }

  /** True when UNMAP is the only way to give blocks back. It is a hint: what stays mapped keeps its data. */
  get hasOnlyUnmap(): boolean {
    return !this.#properties.writeSameUnmaps && this.#properties.maxUnmapBlocks > 0;
  }

  /** UNMAP, as far as the unit's limit goes in each command (SBC-3 6.6.4). */
  async unmap(lba: number, blockCount: number): Promise<void> {
    await inPieces(lba, blockCount, this.#properties.maxUnmapBlocks, async (at, count) => {
      const list = buildUnmapList([{ lba: at, blockCount: count }]);
      const cdb = UNMAP.encode({ PARAMETER_LIST_LENGTH: list.length });
      await this.#unit.run({ cdb, write: [list], idempotent: true });
    });
  }

  /** False when the unit does not know WRITE SAME(16). */
  async #writeSame(lba: number, blockCount: number, unmap: boolean): Promise<boolean> {
    try {
      await inPieces(lba, blockCount, this.#properties.maxWriteSameBlocks, async (at, count) => {
        const cdb = WRITE_SAME_16.encode({
          UNMAP: unmap ? 1 : 0,
          LOGICAL_BLOCK_ADDRESS: at,
          NUMBER_OF_LOGICAL_BLOCKS: count,
        });
        await this.#unit.run({ cdb, write: this.#block, idempotent: true });
      });
      return true;
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      this.#features.writeSame = false;
      return false;
    }
  }
}
