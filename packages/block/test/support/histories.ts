/** Where to begin, and how far to go; `npm run simulate` goes farther than a test. */
export interface Range {
  readonly firstSeed: number;
  readonly count: number;
}

/** What many histories came to. */
export interface Tally {
  histories: number;
  /** What was seen in them, and how often. */
  readonly seen: Record<string, number>;
}

/** One history: what was seen in it, and what went wrong, if anything did. */
export interface Played {
  readonly seen: Readonly<Record<string, number>>;
  readonly wrong?: string;
}

/** The range that a test plays: `byDefault` histories, unless LUNBOX_HISTORIES and LUNBOX_SEED say otherwise. */
export function rangeOf(byDefault: number): Range {
  const { LUNBOX_HISTORIES, LUNBOX_SEED } = process.env;
  return { firstSeed: Number(LUNBOX_SEED ?? 1), count: Number(LUNBOX_HISTORIES ?? byDefault) };
}

/**
 * Plays histories one after the other, until one goes wrong.
 *
 * @param profile - Their kind, as `npm run simulate` calls it.
 * @throws Error that says what was wrong, what came before, and how to play that history again.
 */
export async function playSeeds(
  profile: string,
  { firstSeed, count }: Range,
  play: (seed: number) => Promise<Played>,
  onProgress?: (tally: Tally) => void,
): Promise<Tally> {
  const tally: Tally = { histories: 0, seen: {} };
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const { seen, wrong } = await play(seed);
    if (wrong !== undefined) {
      onProgress?.(tally);
      const again = `again: npm run simulate -- 1 --profile ${profile} --seed ${seed}   (LUNBOX_TRACE=1 tells all)`;
      throw new Error(`${profile}, seed ${seed}:\n${wrong}\n${again}`);
    }
    tally.histories++;
    for (const [what, count] of Object.entries(seen)) tally.seen[what] = (tally.seen[what] ?? 0) + count;
    if (tally.histories % 100 === 0) onProgress?.(tally);
  }
  return tally;
}

/** One worker of `npm run simulate`: tells what it has done in lines of JSON, and on standard error what went wrong. */
export async function workThrough(
  play: (profile: string, range: Range, tell: (tally: Tally) => void) => Promise<Tally>,
): Promise<void> {
  const [profile = '', firstSeed = '1', count = '1'] = process.argv.slice(2);
  const tell = (tally: Tally): void => void process.stdout.write(`${JSON.stringify(tally)}\n`);
  try {
    tell(await play(profile, { firstSeed: Number(firstSeed), count: Number(count) }, tell));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
