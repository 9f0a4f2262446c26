// The stages that run tests: one vitest process for each kind, its counts read from its JSON report.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { root, runBin } from './process.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** Interop tests share the machine with foreign programs and their clocks, so their files run one by one. */
const oneFileAtATime = new Set(['interop']);

/**
 * Runs all tests under `test/<kind>/`, with vitest's own progress on the terminal.
 * @param {string} kind `unit`, `property`, `simulation` or `interop`
 * @param {number} limitMs
 * @returns {Promise<Counts>}
 */
export async function runTests(kind, limitMs) {
  const report = `${root}out/test-reports/${kind}.json`;
  mkdirSync(`${root}out/test-reports`, { recursive: true });
  rmSync(report, { force: true });

  const args = ['run', `test/${kind}/`, '--passWithNoTests', '--reporter=default', '--reporter=json'];
  args.push(`--outputFile.json=${report}`);
  if (oneFileAtATime.has(kind)) args.push('--no-file-parallelism');
  const { code, timedOut } = await runBin('vitest', args, { show: true, limitMs });
  if (timedOut) console.log(`${kind}: stopped: out of time`);

  const counts = readCounts(report);
  // A crash of vitest, or an error outside every test, is a failure that no test carries.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** @param {string} report @returns {Counts} */
function readCounts(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  /** @type {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} */
  let parsed;
  try {
    parsed = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return counts;
  }
  for (const file of parsed.testResults) {
    for (const { status } of file.assertionResults) {
      if (status === 'passed') counts.passed++;
      else if (status === 'failed') counts.failed++;
      else counts.skipped++;
    }
    // A file that failed as a whole (it did not load, or a hook threw) has no failed test to show for it.
    const explained = file.assertionResults.some(({ status }) => status === 'failed');
    if (file.status === 'failed' && !explained) counts.failed++;
  }
  return counts;
}
