/** `npm run soak`: the long form of the kill test, for as many cycles as asked for. */
import { parseArgs } from 'node:util';
import { makeTempDirectory } from '../test/support/temp-directory.ts';
import { runKillCycles } from './kill-cycles.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() & 0x7fffffff) },
    target: { type: 'string', default: 'lunbox' },
    snapshots: { type: 'boolean', default: false },
  },
});
const kind = values.target === 'tgtd' ? 'tgtd' : 'lunbox';
const directory = makeTempDirectory('soak');
console.log(`kill -9 of ${kind} under load, ${values.cycles} cycles, --seed ${values.seed}`);
try {
  const report = await runKillCycles({
    kind,
    directory: directory.path,
    cycles: Number(values.cycles),
    seed: Number(values.seed),
    loadMs: [50, 1500],
    snapshots: values.snapshots,
    onCycle: (cycle, check, progress) => {
      const { promised, unflushedLost, violations } = check;
      console.log(
        `cycle ${cycle}: ${progress.stamps} writes, ${progress.flushes} flushes so far; ` +
          `${promised} grains promised, ${unflushedLost} unflushed lost, ${violations.length} violations`,
      );
    },
  });
  if (values.snapshots) console.log(`snapshots: ${JSON.stringify(report.snapshots)}`);
  for (const violation of report.violations.slice(0, 20)) console.log(violation);
  process.exitCode = report.violations.length === 0 ? 0 : 1;
} finally {
  directory.remove();
}
