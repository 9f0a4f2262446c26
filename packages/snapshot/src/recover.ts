import type { ChainEntry, ImageRef } from './chain.ts';
import type { ImageArea } from './image-area.ts';
import { imagesOf, type SetState } from './set-state.ts';

/** Opens all areas of a set, and mends what a crash did to those that were in use last. */
export async function recoverAreas(state: SetState): Promise<void> {
  const { store, entries, areas, parts, device } = state;
  const newest = entries.at(-1);
  for (const entry of entries)
    for (const id of entry.logs) {
      const ref = entry.images?.find((image) => image.id === id);
      if (ref !== undefined) areas.set(id, await openImage(state, entry, ref));
      else if (id === newest?.logs.at(-1)) areas.set(id, await store.recoverArea(id, parts.production));
      else areas.set(id, await store.openArea(id));
    }
  if (newest !== undefined && !device.readOnly)
    for (const image of imagesOf(state.areasOf([newest]))) await image.startChanging();
  state.saveToNewest();
}

async function openImage(state: SetState, entry: ChainEntry, ref: ImageRef): Promise<ImageArea> {
  const image = await state.store.openImage(ref, entry.suspect === undefined);
  if (!image.isCleared || entry.bookmark !== undefined || entry.images?.[0] !== ref) return image;
  await image.close();
  const { path } = image;
  throw state.error('SNAPSHOT_CORRUPT', `${path} is damaged: it is empty`, entry.name);
}
