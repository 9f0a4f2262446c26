import type { TestResult } from './testcu.ts';
import { knownFailures } from './testcu-known.ts';

/** How many tests ended in each way. `broken` = hung, crashed, no login, not run. */
export interface Tally {
  tests: number;
  passed: number;
  failed: number;
  skipped: number;
  broken: number;
  known: number;
  seconds: number;
}

/** Counts results by family, in the order in which the families ran. */
export function tallyByFamily(results: readonly TestResult[]): Map<string, Tally> {
  const families = new Map<string, Tally>();
  for (const result of results) {
    const tally = families.get(result.family) ?? emptyTally();
    families.set(result.family, tally);
    count(tally, result);
  }
  return families;
}

/** Counts all results. */
export function tallyAll(results: readonly TestResult[]): Tally {
  const tally = emptyTally();
  for (const result of results) count(tally, result);
  return tally;
}

/** True for a result that must not be: a failure, hang, crash or lost login that is not the tool's own. */
export function isBad(result: TestResult): boolean {
  return !['pass', 'skip', 'part'].includes(result.verdict) && !isKnown(result);
}

/**
 * The table by family, the totals, and the tests that failed or were skipped, with our reason where there is one: for
 * skips those of `skips`. Else the reason is the tool's.
 */
export function formatReport(
  results: readonly TestResult[],
  skips: ReadonlyMap<string, string> = new Map(),
): string {
  const lines = [row('family', ['tests', 'passed', 'failed', 'skipped', 'broken', 'known', 'seconds'])];
  for (const [family, tally] of tallyByFamily(results)) lines.push(tallyRow(family, tally));
  lines.push(tallyRow('TOTAL', tallyAll(results)));
  const list = (title: string, wanted: (result: TestResult) => boolean): void => {
    const found = results.filter(wanted);
    if (found.length > 0) lines.push('', title, ...found.map((result) => describeResult(result, skips)));
  };
  list('Failed, and broken (hung, crashed, no login, not run):', isBad);
  list("Known failures, the tool's own:", isKnown);
  list('Skipped, as a whole or in part:', isSkipped);
  list('Not judged on an ordinary disk:', ({ on }) => on !== undefined);
  return lines.join('\n');
}

/** Passes, failures (known ones included) and skips of several targets, side by side, by family. */
export function formatComparison(targets: Readonly<Record<string, readonly TestResult[]>>): string {
  const names = Object.keys(targets);
  const families = names.map((name) => tallyByFamily(targets[name] ?? []));
  const cells = (tally: Tally = emptyTally()): string[] =>
    [tally.passed, tally.failed + tally.broken + tally.known, tally.skipped].map(String);
  const all = new Set(families.flatMap((tallies) => [...tallies.keys()]));
  const header = names.flatMap((name) => [name, 'failed', 'skipped']);
  const lines = [...all].map((family) =>
    row(
      family,
      families.flatMap((tallies) => cells(tallies.get(family))),
    ),
  );
  const totals = names.flatMap((name) => cells(tallyAll(targets[name] ?? [])));
  return [row('family: passed by', header), ...lines, row('TOTAL', totals)].join('\n');
}

function emptyTally(): Tally {
  return { tests: 0, passed: 0, failed: 0, skipped: 0, broken: 0, known: 0, seconds: 0 };
}

function count(tally: Tally, result: TestResult): void {
  tally.tests++;
  tally.seconds += result.elapsedMs / 1000;
  if (result.verdict === 'pass') tally.passed++;
  else if (isSkipped(result)) tally.skipped++;
  else if (isKnown(result)) tally.known++;
  else if (result.verdict === 'fail') tally.failed++;
  else tally.broken++;
}

function isKnown(result: TestResult): boolean {
  return result.verdict === 'fail' && knownFailures.has(`${result.family}.${result.test}`);
}

function isSkipped({ verdict }: TestResult): boolean {
  return verdict === 'skip' || verdict === 'part';
}

function describeResult(result: TestResult, skips: ReadonlyMap<string, string>): string {
  const { verdict, on, reason } = result;
  const name = `${result.family}.${result.test}`;
  const known = isSkipped(result) ? skips.get(name) : isKnown(result) ? knownFailures.get(name) : undefined;
  const why = [on === undefined ? '' : `on ${on}`, known ?? reason].filter((text) => text !== '');
  return `  ${verdict.padEnd(9)} ${name.padEnd(36)} ${why.join(': ')}`.trimEnd();
}

function tallyRow(name: string, tally: Tally): string {
  const { tests, passed, failed, skipped, broken, known, seconds } = tally;
  return row(name, [...[tests, passed, failed, skipped, broken, known].map(String), seconds.toFixed(2)]);
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(24) + cells.map((cell) => cell.padStart(8)).join(' ');
}
