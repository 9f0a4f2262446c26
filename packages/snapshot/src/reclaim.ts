import type { ChainEntry } from './chain.ts';
import { ImageArea } from './image-area.ts';
import { isSaved, type SaveArea } from './save-area.ts';
import type { SetState } from './set-state.ts';

/** How far giving space back has come. */
export interface ReclaimPoint {
  /** Which of the areas of the snapshot is looked through. */
  readonly index: number;
  readonly grain: number;
}

/** Where it begins. */
export const RECLAIM_START: ReclaimPoint = { index: 0, grain: 0 };

/** Grains of one step. */
const STEP_GRAINS = 512;

/**
 * Gives back some of the space that the logs of a snapshot take for what nobody reads. Answers where to go on;
 * undefined when all is done. What is given back twice does no harm, so it can begin anew at any time.
 *
 * @param entry - not the newest: none of its areas grows
 */
export async function reclaimStep(
  state: SetState,
  entry: ChainEntry,
  { index, grain }: ReclaimPoint,
): Promise<ReclaimPoint | undefined> {
  const areas = state.areasOf([entry]);
  const area = areas[index];
  if (area === undefined) return undefined;
  const before = areasBefore(state, entry, areas.slice(0, index));
  if (before === undefined || before.some(({ device }) => device !== undefined)) {
    // Nobody comes to this one.
    if (area instanceof ImageArea) {
      await area.clear();
      return { index: index + 1, grain: 0 };
    }
  }
  let at = grain;
  for (let looked = 0; looked < STEP_GRAINS; looked++) {
    const next = nextOf(area, before ?? [], at);
    if (next === undefined) {
      await area.measure();
      return { index: index + 1, grain: 0 };
    }
    if (before === undefined || isSaved(next, before)) await area.forget(next);
    at = next + 1;
  }
  return { index, grain: at };
}

/** The next grain that is looked at: of an image, which has all, only those that an earlier area has. */
function nextOf(area: SaveArea, before: readonly SaveArea[], grain: number): number | undefined {
  const end = Number.MAX_SAFE_INTEGER;
  if (area.device === undefined) return area.next(grain, end);
  let first: number | undefined;
  for (const each of before) first = each.next(grain, first ?? end) ?? first;
  return first;
}

/**
 * What whoever reads an area of a snapshot has looked through before: the snapshot itself, or for a bookmark the
 * snapshot before it. Undefined when nobody reads it.
 */
function areasBefore(
  state: SetState,
  entry: ChainEntry,
  earlier: readonly SaveArea[],
): readonly SaveArea[] | undefined {
  if (entry.bookmark === undefined) return earlier;
  const older = state.areasReadBefore(entry);
  return older && [...older, ...earlier];
}
