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
  /** What was seen in them, and how often: PDUs, faults, outcomes of requests. */
  readonly seen: Record<string, number>;
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
  const tally: Tally = { histories: 0, seen: {} };
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const { problems, lines, seen } = await play(seed, PROFILES[name]);
    if (problems.length > 0) {
      onProgress?.(tally);
      const again = `again: npm run simulate -- 1 --profile ${name} --seed ${seed}   (LUNBOX_TRACE=1 tells all)`;
      throw new Error([`${name}, seed ${seed}:`, ...problems, ...lines(), again].join('\n'));
    }
    tally.histories++;
    for (const [what, count] of Object.entries(seen)) tally.seen[what] = (tally.seen[what] ?? 0) + count;
    if (tally.histories % 100 === 0) onProgress?.(tally);
  }
  return tally;
}
