import { yieldTurn } from '@lunbox/block';
import type { ChainEntry } from './chain.ts';
import { isChanged, isSaved, type SaveArea } from './save-area.ts';
import type { SetState } from './set-state.ts';

/** What a snapshot takes. */
export interface SnapshotUsage {
  /** What comes back when it is deleted and no other is. */
  readonly exclusiveBytes: number;
  /** What older snapshots need too. */
  readonly sharedBytes: number;
}

const GRAINS_PER_TURN = 4096;

/** What a snapshot takes, by what the file system says and what the maps have. */
export async function usageOf(state: SetState, entry: ChainEntry): Promise<SnapshotUsage> {
  const areas = state.areasOf([entry]);
  let usedBytes = 0;
  for (const area of areas) usedBytes += await area.usedBytes();
  const older = state.areasReadBefore(entry);
  if (older === undefined) return { exclusiveBytes: usedBytes, sharedBytes: 0 };
  const sharedBytes = Math.min(usedBytes, await bytesBeyond(areas, older, state.chain.grainBytes));
  return { exclusiveBytes: usedBytes - sharedBytes, sharedBytes };
}

/** Content of areas that those before them do not have. */
async function bytesBeyond(
  areas: readonly SaveArea[],
  before: readonly SaveArea[],
  grainBytes: number,
): Promise<number> {
  let count = 0;
  let looked = 0;
  for (const [index, area] of areas.entries()) {
    const earlier = [...before, ...areas.slice(0, index)];
    const { device } = area;
    const end = device === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil(device.size / grainBytes);
    // Images share with one another what was not changed between them.
    const isFound = device === undefined ? isSaved : isChanged;
    for (
      let grain = area.nextChanged(0, end);
      grain !== undefined;
      grain = area.nextChanged(grain + 1, end)
    ) {
      if (area.find(grain) === 'data' && !isFound(grain, earlier)) count++;
      if (++looked % GRAINS_PER_TURN === 0) await yieldTurn();
    }
  }
  return count * grainBytes;
}
