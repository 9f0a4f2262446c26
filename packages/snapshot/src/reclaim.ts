import { isSaved, type SaveArea } from './save-area.ts';

/** How far giving back the space of what a snapshot has twice has come. */
export interface ReclaimPoint {
  /** Which of the areas is looked through. */
  readonly index: number;
  readonly grain: number;
}

/** Where it begins: the first area is the one that is right. */
export const RECLAIM_START: ReclaimPoint = { index: 1, grain: 0 };

/** Grains of one step. */
const STEP_GRAINS = 512;

/**
 * Gives back some of the space that areas take for grains that one before them has, too. Answers where to go on;
 * undefined when all is done. What is given back twice does no harm, so it can begin anew at any time.
 *
 * @param areas - of one snapshot, oldest first; none of them grows
 */
export async function reclaimStep(
  areas: readonly SaveArea[],
  { index, grain }: ReclaimPoint,
): Promise<ReclaimPoint | undefined> {
  const area = areas[index];
  if (area === undefined) return undefined;
  const before = areas.slice(0, index);
  let at = grain;
  for (let looked = 0; looked < STEP_GRAINS; looked++) {
    const next = area.next(at, Number.MAX_SAFE_INTEGER);
    if (next === undefined) return { index: index + 1, grain: 0 };
    if (isSaved(next, before)) await area.forget(next);
    at = next + 1;
  }
  return { index, grain: at };
}
