import { Dice } from './dice.ts';
import { playHistory } from './history.ts';
import { Overlapping } from './overlapping.ts';

/** Kinds of histories: commands one after the other, or several at once. */
export const KINDS = { turns: playTurns, overlapping: playOverlapping } as const;

export type Kind = keyof typeof KINDS;

/** Where to begin, and how far to go. */
export interface Range {
  readonly firstSeed: number;
  readonly count: number;
}

/** What many histories came to. */
export interface Tally {
  histories: number;
  /** What was in them, and how often. */
  readonly seen: Record<string, number>;
}

const STEPS = 30;

async function playTurns(seed: number): Promise<Readonly<Record<string, number>>> {
  return (await playHistory(seed, STEPS)).seen;
}

const ROUNDS = 4;

async function playOverlapping(seed: number): Promise<Readonly<Record<string, number>>> {
  const history = new Overlapping(new Dice(seed));
  await history.play(ROUNDS);
  return history.seen;
}

/** The range that a test plays: `byDefault` histories, unless LUNBOX_HISTORIES and LUNBOX_SEED say otherwise. */
export function rangeOf(byDefault: number): Range {
  const { LUNBOX_HISTORIES, LUNBOX_SEED } = process.env;
  return { firstSeed: Number(LUNBOX_SEED ?? 1), count: Number(LUNBOX_HISTORIES ?? byDefault) };
}

/**
 * Plays histories one after the other, until one goes wrong.
 *
 * @throws Error that says what was wrong, what came before, and how to play that history again.
 */
export async function playHistories(
  kind: Kind,
  { firstSeed, count }: Range,
  onProgress?: (tally: Tally) => void,
): Promise<Tally> {
  const tally: Tally = { histories: 0, seen: {} };
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    try {
      const seen = await KINDS[kind](seed);
      for (const [what, count] of Object.entries(seen)) tally.seen[what] = (tally.seen[what] ?? 0) + count;
    } catch (error) {
      onProgress?.(tally);
      const again = `again: npm run simulate -- 1 --profile scsi-${kind} --seed ${seed}   (LUNBOX_TRACE=1 tells all)`;
      throw new Error(`scsi-${kind}, seed ${seed}:\n${(error as Error).stack}\n${again}`, { cause: error });
    }
    tally.histories++;
    if (tally.histories % 100 === 0) onProgress?.(tally);
  }
  return tally;
}
