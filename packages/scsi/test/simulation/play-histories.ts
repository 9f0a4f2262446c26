// One worker of the long suite: `play-histories.ts scsi-<kind> <first seed> <count>`. Writes what it has done so far,
// a JSON object on each line, and how it went wrong, if it did, to standard error.
import { playHistories, type Kind } from './support/play.ts';

const [kind = '', firstSeed = '1', count = '1'] = process.argv.slice(2);
const tell = (tally: object): void => void process.stdout.write(`${JSON.stringify(tally)}\n`);
try {
  const range = { firstSeed: Number(firstSeed), count: Number(count) };
  tell(await playHistories(kind.replace(/^scsi-/, '') as Kind, range, tell));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
