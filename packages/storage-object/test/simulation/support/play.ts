import { playSeeds, type Played, type Range, type Tally } from '../../../../block/test/support/histories.ts';
import { ObjectHistory, type Flaw, type Kind } from './object-history.ts';

/** Plays one history. */
export async function playHistory(seed: number, kind: Kind, flaw?: Flaw): Promise<Played> {
  const history = new ObjectHistory(seed, kind, flaw);
  try {
    await history.play();
    return { seen: history.seen };
  } catch (error) {
    return { seen: history.seen, wrong: (error as Error).stack ?? String(error) };
  }
}

/** Plays histories of a kind, until one goes wrong; throws what `playSeeds` throws. */
export function playHistories(kind: Kind, range: Range, onProgress?: (tally: Tally) => void): Promise<Tally> {
  return playSeeds(kind, range, (seed) => playHistory(seed, kind), onProgress);
}
