import { playSeeds, type Played, type Range, type Tally } from '../../../../block/test/support/histories.ts';
import { play } from './history.ts';
import { PROFILES, type ProfileName } from './profiles.ts';

/** Plays histories of a profile, until one goes wrong; throws what `playSeeds` throws, with the last PDUs. */
export function playAll(
  name: ProfileName,
  range: Range,
  onProgress?: (tally: Tally) => void,
): Promise<Tally> {
  const playOne = async (seed: number): Promise<Played> => {
    const { problems, lines, seen } = await play(seed, PROFILES[name]);
    return problems.length === 0 ? { seen } : { seen, wrong: [...problems, ...lines()].join('\n') };
  };
  return playSeeds(name, range, playOne, onProgress);
}
