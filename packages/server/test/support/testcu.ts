import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, runOrThrow } from './processes.ts';
import { twiceToPass } from './testcu-known.ts';
import { judge, type TestVerdict } from './testcu-verdict.ts';

/** One test of `iscsi-test-cu` and its verdict. */
export interface TestResult extends TestVerdict {
  /** The tool's suite, here called family: `Read10`, `iSCSITMF`, … */
  readonly family: string;
  readonly test: string;
  readonly elapsedMs: number;
  /** The LUN, when it is not an ordinary disk. */
  readonly on?: string;
  /** The tool's output, kept when the test did not pass or skip. */
  readonly log: string;
}

/** What to run and how long to wait. */
export interface TestcuOptions {
  /** The LUN under test. IT IS OVERWRITTEN. */
  readonly url: string;
  /** The same LUN by another path, for the tests that want two. Default: the same portal once more. */
  readonly otherUrl?: string | undefined;
  /** Let the tool send SANITIZE: nothing is left of what the LUN held. Default false. */
  readonly sanitize?: boolean;
  /** Only tests whose `Family.Test` matches one of these patterns (`*` is any run of characters). */
  readonly only?: readonly string[];
  /** Default 60 000. */
  readonly testTimeoutMs?: number;
  /** Told after each test. */
  readonly onResult?: (result: TestResult) => void;
}

const suitesLeavingWriteProtect = new Set(['ModeSense6', 'ReadOnly', 'Sanitize']);

/** Names of all tests, `Family.Test`, in the tool's order. */
export async function listTests(): Promise<string[]> {
  const text = await runOrThrow('iscsi-test-cu', ['--list']);
  return text.split('\n').flatMap((line) => /^ALL\.([^.]+\.[^.]+)$/.exec(line.trim())?.[1] ?? []);
}

/**
 * Runs the tests one after the other, each in a process of its own: a hang or crash then costs one test, and a
 * test that leaves its PDU-mangling hook behind cannot spoil the CDBs of the tests after it.
 */
export async function runTestcu(options: TestcuOptions): Promise<TestResult[]> {
  const names = (await listTests()).filter((name) => isWanted(name, options.only ?? []));
  const results: TestResult[] = [];
  // Some modes of the tool drop files where they stand.
  const directory = mkdtempSync(join(tmpdir(), 'lunbox-testcu-'));
  let targetAnswers = true;
  try {
    for (const name of names) {
      const result = targetAnswers ? await runTest(name, options, directory) : deadTarget(name);
      results.push(result);
      options.onResult?.(result);
      if (['hang', 'crash', 'no-login'].includes(result.verdict)) targetAnswers = await answers(options.url);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return results;
}

/** True when the LUN answers READ CAPACITY(16). */
export async function answers(url: string): Promise<boolean> {
  const { output } = await run('iscsi-readcapacity16', [url], { timeoutMs: 8000 });
  return /BLOCK LENGTH|Total size/.test(output);
}

async function runTest(name: string, options: TestcuOptions, cwd: string): Promise<TestResult> {
  const [family = '', test = ''] = name.split('.');
  const { url, otherUrl, sanitize = false } = options;
  // Every test has both paths where there are two; those of MultipathIO do nothing with less. When the tool runs a test
  // twice, the second path makes it corrupt its heap.
  const other = twiceToPass.has(name)
    ? undefined
    : (otherUrl ?? (family === 'MultipathIO' ? url : undefined));
  // Line buffering keeps the tail of a test that hangs.
  const pattern = twiceToPass.has(name) ? `*.${name}` : `ALL.${name}`;
  const flags = ['-d', '-V', ...(sanitize ? ['-S'] : [])];
  const paths = other === undefined ? [url] : [url, other];
  const args = ['-oL', 'iscsi-test-cu', ...flags, '-t', pattern, ...paths];
  const ended = await run('stdbuf', args, { timeoutMs: options.testTimeoutMs ?? 60_000, cwd });
  const verdict = judge({
    testName: test,
    status: ended.status,
    timedOut: ended.timedOut,
    log: twiceToPass.has(name) ? lastRun(ended.output) : ended.output,
  });
  const fine = ['pass', 'skip', 'part'].includes(verdict.verdict);
  if (!fine && suitesLeavingWriteProtect.has(family)) {
    await run('iscsi-swp', ['-s', 'off', url], { timeoutMs: 8000 });
  }
  return { family, test, ...verdict, elapsedMs: ended.elapsedMs, log: fine ? '' : ended.output };
}

/** The log of a process that ran one test more than once, without the earlier runs. */
export function lastRun(log: string): string {
  const at = log.lastIndexOf('\nSuite: ');
  return at < 0 ? log : log.slice(at + 1);
}

function deadTarget(name: string): TestResult {
  const [family = '', test = ''] = name.split('.');
  const reason = 'the target no longer answers';
  return { family, test, verdict: 'not-run', commandsOk: 0, reason, elapsedMs: 0, log: '' };
}

/** True when `Family.Test` matches one of the patterns, or there is none. */
export function isWanted(name: string, patterns: readonly string[]): boolean {
  if (patterns.length === 0) return true;
  return patterns.some((pattern) => {
    const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${source.join('.*')}$`).test(name);
  });
}
