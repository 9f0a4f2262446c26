import { BlockError, realDisk, type Disk } from '@lunbox/block';
import { contentCrcOf } from '../grain-record.ts';
import { isSaved, type SaveArea, type SavedChecksum } from '../save-area.ts';
import { SnapshotError } from '../snapshot-error.ts';
import type { SnapshotInfo } from '../snapshot-info.ts';
import type { SnapshotSet } from '../snapshot-set.ts';
import type { SnapshotView } from '../snapshot-view.ts';
import { BadExtents, type BadExtent } from './bad-extents.ts';
import { Digests } from './digests.ts';
import { readManifest, type SnapshotManifest } from './manifest.ts';
import { Pace, type BackgroundOptions } from './pace.ts';
import { STEP_BYTES } from './read-content.ts';

/** Options of {@link verifySnapshot}. */
export interface VerifyOptions extends BackgroundOptions {
  /** The manifest of a publication of the snapshot, whose SHA-256 it must have. */
  readonly manifestPath?: string;
  readonly disk?: Disk;
}

/** What was found of a snapshot. */
export interface VerifyReport {
  readonly snapshot: SnapshotInfo;
  /** Nothing is bad, and it has the SHA-256 of the manifest. */
  readonly sound: boolean;
  /** Saved content whose checksum was compared. */
  readonly checkedGrains: number;
  /** Bytes that nobody will read as they were; the list has the first 1024 extents. */
  readonly badBytes: number;
  readonly bad: readonly BadExtent[];
  /** Of all bytes, where a manifest was given and all could be read; hexadecimal. */
  readonly sha256: string | undefined;
}

/**
 * Reads everything of a snapshot, and compares each saved grain with its checksum. It changes nothing, and goes on in
 * the background as {@link publishSnapshot} does. What was never saved is on the disk, which has no checksums of
 * its own: of that it is told whether it can be read, and with a manifest whether it is what it was.
 *
 * @throws SnapshotError `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_CANCELLED`, `SNAPSHOT_BAD_MANIFEST`, `SNAPSHOT_CORRUPT` when
 *   the records of a log are damaged, BlockError `BLOCK_IO` when they cannot be read: nobody knows what they said.
 */
export async function verifySnapshot(
  set: SnapshotSet,
  snapshot: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const view = set.openView(snapshot);
  try {
    const info = set.find(snapshot);
    const manifest = await manifestOf(info, options);
    const verifier = new Verifier(set, view, options);
    await verifier.checkSaved();
    const sha256 = await verifier.readAll(manifest !== undefined);
    const { checkedGrains, bad } = verifier;
    const sound = bad.bytes === 0 && sha256 === manifest?.sha256.disk;
    return { snapshot: info, sound, checkedGrains, badBytes: bad.bytes, bad: bad.list(), sha256 };
  } finally {
    await view.close();
  }
}

async function manifestOf(
  { id, name }: SnapshotInfo,
  { manifestPath: path, disk = realDisk }: VerifyOptions,
): Promise<SnapshotManifest | undefined> {
  if (path === undefined) return undefined;
  const manifest = await readManifest(path, disk);
  if (manifest.snapshot.id === id) return manifest;
  throw new SnapshotError(
    'SNAPSHOT_BAD_MANIFEST',
    `${path} is the manifest of another snapshot than ${name}`,
    {
      path,
      snapshot: id,
    },
  );
}

class Verifier {
  readonly #view: SnapshotView;
  readonly #options: VerifyOptions;
  readonly #pace: Pace;
  readonly #grainBytes: number;
  readonly bad: BadExtents;
  checkedGrains = 0;

  constructor(set: SnapshotSet, view: SnapshotView, options: VerifyOptions) {
    this.#view = view;
    this.#options = options;
    this.#pace = new Pace(set, options);
    this.#grainBytes = set.grainBytes;
    this.bad = new BadExtents(this.#grainBytes, view.size);
  }

  /** Compares the checksums of what the snapshot has in logs: of each grain the first that it finds. */
  async checkSaved(): Promise<void> {
    const areas = [...this.#view.areas];
    const content = new Uint8Array(this.#grainBytes);
    for (const [index, area] of areas.entries()) {
      const earlier = areas.slice(0, index);
      for await (const checksum of area.checksums()) {
        if (isSaved(checksum.grain, earlier)) continue;
        this.checkedGrains++;
        const fault = await faultOf(area, checksum, content);
        if (fault !== undefined) this.bad.add(checksum.grain, fault);
        await this.#pace.step(content.length);
      }
    }
  }

  /** Reads all bytes; answers their SHA-256 if it is wanted, and all could be read. */
  async readAll(wantsDigest: boolean): Promise<string | undefined> {
    const { size } = this.#view;
    const digests = new Digests(wantsDigest ? 1 : 0);
    const buffer = new Uint8Array(Math.max(STEP_BYTES, this.#grainBytes));
    let isWhole = true;
    for (let at = 0; at < size;) {
      const [extent] = await this.#view.extents(at, size - at, { limit: 1 });
      const runEnd = at + (extent?.length ?? size - at);
      if (extent?.state === 'hole') {
        if (wantsDigest) await digests.updateZeroes(runEnd - at, this.#pace);
        else await this.#pace.step(0);
        at = runEnd;
      } else {
        const bytes = buffer.subarray(0, Math.min(runEnd - at, buffer.length - (at % buffer.length)));
        if (await this.#read(bytes, at)) digests.update(bytes);
        else isWhole = false;
        at += bytes.length;
        await this.#pace.step(bytes.length);
      }
      this.#options.onProgress?.({ doneBytes: at, totalBytes: size });
    }
    return isWhole ? digests.finish()[0] : undefined;
  }

  /** Answers false where not all could be read; which grains those are is noted. */
  async #read(bytes: Uint8Array, offset: number): Promise<boolean> {
    if (await this.#canRead(bytes, offset)) return true;
    for (let at = offset; at < offset + bytes.length;) {
      const end = Math.min(offset + bytes.length, at - (at % this.#grainBytes) + this.#grainBytes);
      if (!(await this.#canRead(bytes.subarray(at - offset, end - offset), at)))
        this.bad.add(Math.floor(at / this.#grainBytes), 'unreadable');
      at = end;
    }
    return false;
  }

  async #canRead(bytes: Uint8Array, offset: number): Promise<boolean> {
    try {
      await this.#view.read([bytes], offset);
      return true;
    } catch (error) {
      if (error instanceof BlockError && error.code === 'BLOCK_IO') return false;
      throw error;
    }
  }
}

async function faultOf(
  area: SaveArea,
  { grain, contentCrc }: SavedChecksum,
  content: Uint8Array,
): Promise<BadExtent['reason'] | undefined> {
  if (contentCrc === undefined) return 'lost';
  try {
    await area.read([content], grain, 0, content.length);
  } catch (error) {
    if (error instanceof BlockError && error.code === 'BLOCK_IO') return 'unreadable';
    throw error;
  }
  return contentCrcOf(content) === contentCrc ? undefined : 'damaged';
}
