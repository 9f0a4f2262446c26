/** `npm run fight`: the long form of the lock of the fight test. */
import { parseArgs } from 'node:util';
import { fightForLock } from '../test/support/lock-fight.ts';
import { startLunbox } from '../test/support/start-lunbox.ts';
import { makeTempDirectory } from '../test/support/temp-directory.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100000' },
    own: { type: 'string', default: '6' },
    foreign: { type: 'string', default: '2' },
  },
});
const own = Number(values.own);
const foreign = Number(values.foreign);
const roundsEach = Math.ceil(Number(values.rounds) / (own + foreign));
const directory = makeTempDirectory('fight');
try {
  const target = await startLunbox({ directory: directory.path, compiled: true });
  try {
    const startMs = performance.now();
    console.log(`${own} clients of ours and ${foreign} of libiscsi, ${roundsEach} rounds each`);
    const { counted, refused } = await fightForLock(target, { own, foreign, roundsEach });
    const wanted = roundsEach * (own + foreign);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    console.log(
      `counted ${counted} of ${wanted} in ${seconds} s; ours found the lock taken ${refused} times`,
    );
    process.exitCode = counted === wanted ? 0 : 1;
  } finally {
    await target.stop();
  }
} finally {
  directory.remove();
}
