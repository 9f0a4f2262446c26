import type { ChainEntry } from './chain.ts';
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
  const isNeeded = needOf(state, entry, areas.slice(0, index));
  let at = grain;
  for (let looked = 0; looked < STEP_GRAINS; looked++) {
    const next = area.next(at, Number.MAX_SAFE_INTEGER);
    if (next === undefined) {
      await area.measure();
      return { index: index + 1, grain: 0 };
    }
    if (!isNeeded(next)) await area.forget(next);
    at = next + 1;
  }
  return { index, grain: at };
}

/**
 * Tells whether anybody reads a grain from an area of a snapshot: itself, unless an earlier area of it has the grain;
 * for a bookmark only the snapshot before it.
 */
function needOf(
  state: SetState,
  entry: ChainEntry,
  earlier: readonly SaveArea[],
): (grain: number) => boolean {
  if (entry.bookmark === undefined) return (grain) => !isSaved(grain, earlier);
  const older = state.areasReadBefore(entry);
  if (older === undefined) return () => false;
  const before = [...older, ...earlier];
  return (grain) => !isSaved(grain, before);
}
