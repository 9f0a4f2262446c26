import { playSeeds, type Played, type Range, type Tally } from '../../../../block/test/support/histories.ts';
import { Dice } from './dice.ts';
import { playHistory } from './history.ts';
import { Overlapping } from './overlapping.ts';
import { playReservations } from './reservation-history.ts';

/** Kinds of histories: commands one after the other, the same about reservations, or several commands at once. */
const KINDS = {
  'scsi-turns': playTurns,
  'scsi-reservations': async (seed: number) => (await playReservations(seed)).seen,
  'scsi-overlapping': playOverlapping,
} as const;

export type Kind = keyof typeof KINDS;

const STEPS = 30;

async function playTurns(seed: number): Promise<Played['seen']> {
  return (await playHistory(seed, STEPS)).seen;
}

const ROUNDS = 4;

async function playOverlapping(seed: number): Promise<Played['seen']> {
  const history = new Overlapping(new Dice(seed));
  await history.play(ROUNDS);
  return history.seen;
}

/** Plays histories of a kind, until one goes wrong; throws what `playSeeds` throws. */
export function playHistories(kind: Kind, range: Range, onProgress?: (tally: Tally) => void): Promise<Tally> {
  const play = async (seed: number): Promise<Played> => {
    try {
      return { seen: await KINDS[kind](seed) };
    } catch (error) {
      return { seen: {}, wrong: (error as Error).stack ?? String(error) };
    }
  };
  return playSeeds(kind, range, play, onProgress);
}
