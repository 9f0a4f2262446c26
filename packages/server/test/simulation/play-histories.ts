// One worker of the long suite: `play-histories.ts <profile> <first seed> <count>`. Writes what it has done so far,
// a JSON object on each line, and how it went wrong, if it did, to standard error.
import { playAll } from './support/play-all.ts';
import type { ProfileName } from './support/profiles.ts';

const [profile = '', firstSeed = '1', count = '1'] = process.argv.slice(2);
const tell = (tally: object): void => void process.stdout.write(`${JSON.stringify(tally)}\n`);
try {
  const range = { firstSeed: Number(firstSeed), count: Number(count) };
  tell(await playAll(profile as ProfileName, range, tell));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
