import { yieldTurn } from '@lunbox/block';
import type { SaveArea } from './save-area.ts';

/** Bytes that may differ between two points in time. */
export interface ChangedExtent {
  readonly offset: number;
  readonly length: number;
}

const GRAINS_PER_TURN = 4096;

/** The first grain from `grain` up to, not including, `endGrain` that may have been changed in the time of an area. */
export function nextChanged(areas: readonly SaveArea[], grain: number, endGrain: number): number | undefined {
  let first = endGrain;
  for (const area of areas) first = area.nextChanged(grain, first) ?? first;
  return first < endGrain ? first : undefined;
}

/** Runs of grains that may have been changed in the time of the areas, ascending, of a disk of `sizeBytes`. */
export async function* changedExtents(
  areas: readonly SaveArea[],
  grainBytes: number,
  sizeBytes: number,
): AsyncGenerator<ChangedExtent> {
  const endGrain = Math.ceil(sizeBytes / grainBytes);
  let run: { from: number; to: number } | undefined;
  const extentOf = ({ from, to }: { from: number; to: number }): ChangedExtent => {
    const offset = from * grainBytes;
    return { offset, length: Math.min(sizeBytes, to * grainBytes) - offset };
  };
  for (let grain = 0, looked = 1; ; looked++) {
    const next = nextChanged(areas, grain, endGrain);
    if (next !== undefined && run?.to === next) run.to = next + 1;
    else {
      if (run !== undefined) yield extentOf(run);
      run = next === undefined ? undefined : { from: next, to: next + 1 };
    }
    if (next === undefined) return;
    grain = next + 1;
    if (looked % GRAINS_PER_TURN === 0) await yieldTurn();
  }
}
