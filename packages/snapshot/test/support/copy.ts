import { randomBelow, type SeededRandom, type SimulatedDisk } from '@lunbox/block';
import { repairDrafts, StorageObject } from '@lunbox/storage-object';
import { expect } from 'vitest';
import { cloneSnapshot, publishSnapshot, type SnapshotManifest, type SnapshotSet } from '../../src/index.ts';
import { HastyClock } from '../../../storage-object/test/support/moody-disk.ts';
import { diskOf, fileOf, processes, sha256 } from './copies.ts';
import { PATH, SECTOR, type Content } from './model.ts';

const DIRECTORY = '/copies';
const NAME = 'copy';
const COPY = `${DIRECTORY}/${NAME}.lun`;
const MANIFEST = `${DIRECTORY}/${NAME}.json`;

/** What a copy has, and what a part of it may have as well: a write to it was cut off. */
interface Known {
  readonly content: Content;
  readonly write?: { readonly at: number; readonly count: number; readonly value: number };
}

/** The one copy of a snapshot that there is at a time: a clone, which is written, or a publication. */
export class Copy {
  readonly #disk: SimulatedDisk;
  /** Undefined where there must be none. */
  #known: Known | undefined;
  /** What it has if there is one: it was being made, or removed. */
  #pending: Content | undefined;

  private constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  /** Makes a place for it. */
  static async in(disk: SimulatedDisk): Promise<Copy> {
    await disk.mkdir(DIRECTORY);
    await disk.syncDirectory('/');
    return new Copy(disk);
  }

  /** Copies a snapshot with this content, in place of the copy before. Answers what was done. */
  async make(set: SnapshotSet, id: string, content: Content, random: SeededRandom): Promise<string> {
    await this.#remove();
    this.#pending = content;
    const seams = { disk: this.#disk, processes, random, clock: new HastyClock() };
    const isClone = randomBelow(random, 2) === 0;
    if (isClone) await cloneSnapshot(set, id, COPY, { ...seams, image: { path: PATH, dataOffset: 0 } });
    else await publishSnapshot(set, id, { ...seams, directory: DIRECTORY, name: NAME });
    this.#pending = undefined;
    this.#known = { content };
    if (isClone) await this.#write(random);
    return isClone ? 'cloned' : 'published';
  }

  /** After a crash: a copy is exact or not there, and a manifest tells the truth. */
  async compare(): Promise<void> {
    const disk = this.#disk;
    await repairDrafts(DIRECTORY, { disk, apply: true });
    const names = await disk.readdir(DIRECTORY);
    const isThere = names.includes(`${NAME}.lun`);
    const expected: Known | undefined = this.#known ?? (this.#pending && { content: this.#pending });
    if (this.#known !== undefined) expect(isThere, 'the copy is there').toBe(true);
    if (isThere) expect(expected, 'there must be no copy').toBeDefined();
    if (!isThere || expected === undefined) return;
    const bytes = await diskOf(disk, COPY);
    if (names.includes(`${NAME}.json`)) {
      const manifest = JSON.parse((await fileOf(disk, MANIFEST)).toString()) as SnapshotManifest;
      expect(manifest.sha256).toEqual({ disk: sha256(bytes), file: sha256(await fileOf(disk, COPY)) });
    }
    this.#known = { content: compareBytes(bytes, expected) };
    this.#pending = undefined;
  }

  /** A clone goes its own way. */
  async #write(random: SeededRandom): Promise<void> {
    const { content } = this.#known!;
    const at = randomBelow(random, content.length);
    const write = { at, count: 1 + randomBelow(random, Math.min(9, content.length - at)), value: 200 };
    this.#known = { content, write };
    const object = await StorageObject.open(COPY, { disk: this.#disk, processes });
    try {
      await object.device.write([Buffer.alloc(write.count * SECTOR, write.value)], at * SECTOR);
    } finally {
      await object.close();
    }
    this.#known = { content: [...content].fill(write.value, at, at + write.count) };
  }

  async #remove(): Promise<void> {
    const names = await this.#disk.readdir(DIRECTORY);
    this.#pending = this.#known?.content;
    this.#known = undefined;
    for (const name of names) await this.#disk.unlink(`${DIRECTORY}/${name}`);
    await this.#disk.syncDirectory(DIRECTORY);
    this.#pending = undefined;
  }
}

/** What a copy has: what it had, but for what was being written to it, of which each sector may be old, new or torn. */
function compareBytes(bytes: Buffer, { content, write }: Known): Content {
  expect(bytes.length).toBe(content.length * SECTOR);
  return content.map((value, sector) => {
    const found = bytes.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    const has = (expected: number): boolean => found.equals(Buffer.alloc(SECTOR, expected));
    if (value === undefined || has(value)) return value;
    if (write !== undefined && sector >= write.at && sector < write.at + write.count)
      return has(write.value) ? write.value : undefined;
    return expect.fail(`sector ${sector} of the copy has ${found[0]} instead of ${value}`);
  });
}
