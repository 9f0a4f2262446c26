import debug from 'debug';
import { DEFAULT_METHOD, type ChainEntry, type SnapshotMethod } from './chain.ts';
import type { ImageArea } from './image-area.ts';
import type { LogArea } from './log-area.ts';
import type { SetState } from './set-state.ts';
import { SnapshotError } from './snapshot-error.ts';

/** What the list says of the area of a new snapshot. */
export type NewAreas = Pick<ChainEntry, 'logs' | 'images'>;

/** Whoever holds changes back while a snapshot is taken. */
interface Pausable {
  pause(): Promise<() => void>;
  flush(): unknown;
}

const log = debug('lunbox:snapshot:new-area');

/** Sharing the space of a file takes some 25 µs for each of its extents, and clients wait meanwhile. */
const EXTENT_LIMIT = 2000;

/** Why there is no image; nothing was decided yet. */
class NotShared extends Error {}

/**
 * Makes an area for what is changed from now on, and commits what has it while the disk is at rest. By the method
 * `auto` the area is an image where that is done soon, and a log where the file system cannot share space.
 *
 * @param wanted - the method; by default what the policy of the set says
 * @param commit - what decides for it, durably; given what the list says of the area
 * @throws SnapshotError `SNAPSHOT_UNSUPPORTED` where by the method `reflink` no space can be shared.
 */
export async function withNewArea<T>(
  state: SetState,
  device: Pausable,
  wanted: SnapshotMethod | undefined,
  commit: (areas: NewAreas) => Promise<T>,
): Promise<T> {
  const method = wanted ?? state.chain.policy?.method ?? DEFAULT_METHOD;
  if (method === 'reflink' || (method === 'auto' && (await isSoonShared(state)))) {
    try {
      return await withImage(state, device, commit);
    } catch (error) {
      if (!(error instanceof NotShared)) throw error;
      if (method === 'reflink') throw unsupported(state, error);
      log('a log instead of an image: %s', error.message);
    }
  }
  const { id, area } = await state.store.createArea(state.parts.object, state.nowMs);
  return await inUse(state, id, area, async () => {
    const resume = await device.pause();
    try {
      // Without it a crash could take from the snapshot what was answered before it.
      await device.flush();
      return await commit({ logs: [id] });
    } finally {
      resume();
    }
  });
}

async function withImage<T>(
  state: SetState,
  device: Pausable,
  commit: (areas: NewAreas) => Promise<T>,
): Promise<T> {
  // Most of what is to be flushed goes while clients go on.
  await device.flush();
  const { ref, area } = await orNotShared(() => state.store.createImage(state.device.size));
  let isDecided = false;
  try {
    return await inUse(state, ref.id, area, async () => {
      const resume = await device.pause();
      try {
        await device.flush();
        await orNotShared(() => fill(state, area));
        isDecided = true;
        return await commit({ logs: [ref.id], images: [ref] });
      } finally {
        resume();
      }
    });
  } catch (error) {
    // After that the list may name it, even where its writing failed.
    if (!isDecided) await state.parts.disk.unlink(area.path).catch(() => undefined);
    throw error;
  }
}

/** Has an area among those of the set while something is done that decides for it. */
async function inUse<T>(
  state: SetState,
  id: string,
  area: LogArea | ImageArea,
  work: () => Promise<T>,
): Promise<T> {
  // Readers of older snapshots look for it as soon as the list names it.
  state.areas.set(id, area);
  try {
    return await work();
  } catch (error) {
    state.areas.delete(id);
    await area.close();
    throw error;
  }
}

async function fill({ parts }: SetState, area: ImageArea): Promise<void> {
  if (parts.image === undefined) throw new NotShared('the disk is not one file');
  if (area.ref.sizeBytes !== parts.production.size) throw new NotShared('the disk has grown');
  if (!(await area.fill(parts.image))) throw new NotShared('the file system cannot share space');
}

/** Whether the disk is a file of few extents. */
async function isSoonShared({ parts }: SetState): Promise<boolean> {
  const count = await parts.image?.file.countExtents(EXTENT_LIMIT + 1);
  return count !== undefined && count <= EXTENT_LIMIT;
}

async function orNotShared<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof NotShared || cause instanceof SnapshotError) throw cause;
    throw new NotShared((cause as Error).message, { cause });
  }
}

function unsupported(state: SetState, { message, cause }: NotShared): SnapshotError {
  const text = `the snapshot cannot share the space of the disk: ${message}`;
  const { path } = state.store;
  return new SnapshotError('SNAPSHOT_UNSUPPORTED', text, { path, ...(cause === undefined ? {} : { cause }) });
}
