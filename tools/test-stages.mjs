// The stages that run tests: one vitest process for each kind, its counts read from its JSON report.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { root, runBin } from './process.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** Interop tests share the machine with foreign programs and their clocks: two files at a time and no more. */
const INTEROP_WORKERS = Math.min(2, availableParallelism());

/**
 * The folders of `test/` whose tests a stage runs.
 * @type {Record<string, string[]>}
 */
export const foldersOf = {
  unit: ['unit', 'rfc7143'],
  property: ['property'],
  simulation: ['simulation'],
  interop: ['interop'],
};

/**
 * Runs all tests of a kind, with vitest's own progress on the terminal.
 * @param {string} kind `unit`, `property`, `simulation` or `interop`
 * @param {number} limitMs
 * @returns {Promise<Counts>}
 */
export async function runTests(kind, limitMs) {
  const report = `${root}out/test-reports/${kind}.json`;
  mkdirSync(`${root}out/test-reports`, { recursive: true });
  rmSync(report, { force: true });

  const folders = (foldersOf[kind] ?? []).map((folder) => `test/${folder}/`);
  const args = ['run', ...folders, '--passWithNoTests', '--reporter=default', '--reporter=json'];
  args.push(`--outputFile.json=${report}`);
  args.push(...workersFor(kind));
  const { code, timedOut } = await runBin('vitest', args, { show: true, limitMs });
  if (timedOut) console.log(`${kind}: stopped: out of time`);

  const counts = countReport(readReport(report));
  // A crash of vitest, or an error outside every test, is a failure that no test carries.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/**
 * One worker for each processor (vitest leaves one processor to itself). Where files are many and short, each worker
 * gets its share of them at the start, and loads the modules under test once for all; where they are long, the next one
 * goes to whoever is free.
 *
 * @param {string} kind
 */
function workersFor(kind) {
  const workers = kind === 'interop' ? INTEROP_WORKERS : availableParallelism();
  const isLong = kind === 'interop' || kind === 'simulation';
  return [...(isLong ? [] : ['--no-isolate']), `--maxWorkers=${workers}`];
}

/**
 * What of vitest's JSON report is read here.
 * @typedef {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} Report
 */

/** @param {string} path @returns {Report} empty when vitest did not come so far as to write it */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { testResults: [] };
  }
}

/** @param {Report} report @returns {Counts} */
export function countReport({ testResults }) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { status: fileStatus, assertionResults } of testResults) {
    for (const { status } of assertionResults) {
      if (status === 'passed') counts.passed++;
      else if (status === 'failed') counts.failed++;
      else counts.skipped++;
    }
    // A file that failed as a whole (it did not load, or a hook threw) has no failed test to show for it.
    const explained = assertionResults.some(({ status }) => status === 'failed');
    if (fileStatus === 'failed' && !explained) counts.failed++;
  }
  return counts;
}
