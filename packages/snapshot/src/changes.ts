import { BlockError, yieldTurn } from '@lunbox/block';
import type { ChainEntry } from './chain.ts';
import { changedExtents, type ChangedExtent } from './diff.ts';
import type { ImageArea } from './image-area.ts';
import { imagesOf, type SetState } from './set-state.ts';
import { SnapshotView } from './snapshot-view.ts';

/**
 * What may have changed between a snapshot or bookmark and a later one, or now: all of what did, in whole grains,
 * ascending. Throws `SNAPSHOT_NOT_FOUND`.
 */
export async function* changesBetween(
  state: SetState,
  from: string,
  to: string | undefined,
): AsyncGenerator<ChangedExtent> {
  const { entries } = state;
  const first = entries.indexOf(state.find(from));
  const last = to === undefined ? entries.length : entries.indexOf(state.find(to));
  if (last < first) throw state.error('SNAPSHOT_NOT_FOUND', `${String(to)} is older than ${from}`, from);
  for (const entry of [entries[first], entries[last]]) if (entry) state.checkDecided(entry);
  const sizeBytes = entries[last]?.sizeBytes ?? state.device.size;
  if (entries[first]?.suspect) return void (yield { offset: 0, length: sizeBytes });
  const between = entries.slice(first, last);
  for (const { id } of between) await learnChanges(state, id);
  const areas = [...state.areasOf(between), ...(to === undefined ? state.pendingAreas(first) : [])];
  yield* changedExtents(areas, state.chain.grainBytes, sizeBytes);
}

/** Finds out by comparing what was changed in the time of a snapshot, where a crash has taken that from its images. */
async function learnChanges(state: SetState, id: string): Promise<void> {
  const entry = state.entries.find((each) => each.id === id);
  const areas = entry === undefined ? [] : state.areasOf([entry]);
  const images = imagesOf(areas).filter(({ knowsChanges }) => !knowsChanges);
  const [image] = images;
  if (entry === undefined || entry.suspect || image === undefined || !isComparable(state, id)) return;
  const next = state.entries[state.entries.indexOf(entry) + 1];
  const before = viewOf(state, entry, 0, entry.sizeBytes);
  const after = viewOf(state, entry, 1, next?.sizeBytes ?? state.device.size);
  try {
    await compare(before, after, image, state.chain.grainBytes);
    // The next one may have become a bookmark meanwhile.
    if (isComparable(state, id)) for (const each of images) each.knowAll();
  } finally {
    await before.close();
    await after.close();
  }
}

/** Whether both ends of the time of a snapshot can be read, which those of bookmarks cannot. */
function isComparable({ entries }: SetState, id: string): boolean {
  const index = entries.findIndex((each) => each.id === id);
  return entries.slice(index, index + 2).every(({ bookmark }) => bookmark === undefined);
}

/** Notes the grains that differ. Those that are written meanwhile are noted anyway. */
async function compare(
  before: SnapshotView,
  after: SnapshotView,
  image: ImageArea,
  grainBytes: number,
): Promise<void> {
  for (let offset = 0; offset < before.size;) {
    const left = before.size - offset;
    const [oldRun] = await before.extents(offset, left, { limit: 1 });
    const [run] = await after.extents(offset, left, { limit: 1 });
    const areHoles = oldRun?.state === 'hole' && run?.state === 'hole';
    const holeBytes = areHoles ? Math.min(oldRun.length, run.length) : 0;
    const length = Math.min(grainBytes, left);
    if (holeBytes < length && !(await isSame(before, after, offset, length)))
      image.change(offset / grainBytes);
    offset += Math.max(length, holeBytes - (holeBytes % grainBytes));
    await yieldTurn();
  }
  // The disk may have grown since.
  for (let offset = before.size; offset < after.size;) {
    const [run] = await after.extents(offset, after.size - offset, { limit: 1 });
    const end = offset + (run?.length ?? after.size - offset);
    if (run?.state !== 'hole')
      for (let grain = Math.floor(offset / grainBytes); grain * grainBytes < end; grain++)
        image.change(grain);
    offset = end;
    await yieldTurn();
  }
}

/** What cannot be read may be anything. */
async function isSame(
  before: SnapshotView,
  after: SnapshotView,
  offset: number,
  length: number,
): Promise<boolean> {
  const [old, present] = [new Uint8Array(length), new Uint8Array(length)];
  try {
    await before.read([old], offset);
    await after.read([present], offset);
  } catch (error) {
    if (error instanceof BlockError && error.code === 'BLOCK_IO') return false;
    throw error;
  }
  return Buffer.compare(old, present) === 0;
}

/** The disk at the start, or the end, of the time of a snapshot; what comes later is looked up at each read. */
function viewOf(state: SetState, { id }: ChainEntry, skip: 0 | 1, sizeBytes: number): SnapshotView {
  const areas = () => {
    const index = state.entries.findIndex((each) => each.id === id);
    return index < 0 ? undefined : state.areasOf(state.entries.slice(index + skip));
  };
  return new SnapshotView({ production: state.device, sizeBytes, areas, onClose: state.useView(id) });
}
