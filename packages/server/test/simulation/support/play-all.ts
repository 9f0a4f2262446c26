import { play } from './history.ts';
import { PROFILES, type ProfileName } from './profiles.ts';

/** Where to begin, and how far to go; `npm run simulate` goes farther. */
export interface Range {
  readonly firstSeed: number;
  readonly count: number;
}

/** What many histories came to. */
export interface Tally {
  histories: number;
  /** Requests that ended well, and events of the simulation. */
  doneRequests: number;
  events: number;
}

/** The range that a test plays: `byDefault` histories, unless LUNBOX_HISTORIES and LUNBOX_SEED say otherwise. */
export function rangeOf(byDefault: number): Range {
  const { LUNBOX_HISTORIES, LUNBOX_SEED } = process.env;
  return { firstSeed: Number(LUNBOX_SEED ?? 1), count: Number(LUNBOX_HISTORIES ?? byDefault) };
}

/**
 * Plays histories one after the other, until one goes wrong.
 *
 * @throws Error that says what was wrong, what the last PDUs were, and how to play that history again.
 */
export async function playAll(
  name: ProfileName,
  { firstSeed, count }: Range,
  onProgress?: (tally: Tally) => void,
): Promise<Tally> {
  const tally = { histories: 0, doneRequests: 0, events: 0 };
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const { problems, lines, doneRequests, events } = await play(seed, PROFILES[name]);
    if (problems.length > 0) {
      const again = `again: npm run simulate -- 1 --profile ${name} --seed ${seed}   (LUNBOX_TRACE=1 tells all)`;
      throw new Error([`${name}, seed ${seed}:`, ...problems, ...lines(), again].join('\n'));
    }
    tally.histories++;
    tally.doneRequests += doneRequests;
    tally.events += events;
    if (tally.histories % 100 === 0) onProgress?.(tally);
  }
  return tally;
}
