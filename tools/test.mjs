// `npm test`: every stage in its order, a table, and as the very last line `tests: N passed, N failed, N skipped`.
//
//   npm test                      all stages
//   npm test -- unit property     some of them, in the order below
//
// A stage that fails does not keep the next from running. Lint and types are checks, not tests: they count only when
// they fail. With CI=true a missing interop program is a failure; otherwise the tests that need it are skipped.
import { runChecks } from './check-stages.mjs';
import { ensureInteropTools } from './interop-tools.mjs';
import { secondsSince } from './process.mjs';
import { removeStaleMounts } from './stale-mounts.mjs';
import { runTests } from './test-stages.mjs';

/**
 * All stages share this time; what is left of it limits the stage that runs. It is there for one that hangs: on a
 * machine with nothing else to do all of it takes about 25 minutes, and is to stay below 45.
 */
const TOTAL_LIMIT_MS = 80 * 60_000;

/**
 * @typedef {import('./test-stages.mjs').Counts} Counts
 * @type {Record<string, (limitMs: number) => Promise<Counts>>}
 */
const stages = {
  lint: (limitMs) => checkStage('lint', limitMs),
  types: (limitMs) => checkStage('types', limitMs),
  unit: (limitMs) => runTests('unit', limitMs),
  property: (limitMs) => runTests('property', limitMs),
  simulation: (limitMs) => runTests('simulation', limitMs),
  interop: interopStage,
};

/** @param {'lint' | 'types'} stage @param {number} limitMs */
async function checkStage(stage, limitMs) {
  return { passed: 0, failed: await runChecks(stage, limitMs), skipped: 0 };
}

/** @param {number} limitMs */
async function interopStage(limitMs) {
  const missing = await ensureInteropTools();
  await removeStaleMounts();
  const counts = await runTests('interop', limitMs);
  if (process.env['CI'] === 'true') counts.failed += missing.length;
  return counts;
}

/** @param {string[]} names @returns {string[]} stages in the order in which they run */
function chosenStages(names) {
  const unknown = names.filter((name) => !Object.hasOwn(stages, name));
  if (unknown.length > 0) {
    console.error(`no such stage: ${unknown.join(', ')}; there are ${Object.keys(stages).join(', ')}`);
    process.exit(2);
  }
  return Object.keys(stages).filter((name) => names.length === 0 || names.includes(name));
}

const startMs = performance.now();
const rows = [];
for (const name of chosenStages(process.argv.slice(2))) {
  console.log(`\n── ${name} ──`);
  const stageStartMs = performance.now();
  const limitMs = Math.max(1000, TOTAL_LIMIT_MS - (performance.now() - startMs));
  const counts = await /** @type {(limitMs: number) => Promise<Counts>} */ (stages[name])(limitMs);
  rows.push({ name, ...counts, seconds: secondsSince(stageStartMs) });
}

console.log(
  `\n${'stage'.padEnd(12)}${['passed', 'failed', 'skipped', 'seconds'].map((s) => s.padStart(9)).join('')}`,
);
const total = { passed: 0, failed: 0, skipped: 0 };
for (const { name, passed, failed, skipped, seconds } of rows) {
  const cells = [passed, failed, skipped, seconds.toFixed(1)].map((cell) => String(cell).padStart(9));
  console.log(`${name.padEnd(12)}${cells.join('')}  ${failed === 0 ? 'ok' : 'FAILED'}`);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}
process.exitCode = total.failed === 0 ? 0 : 1;
console.log(`\ntests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
