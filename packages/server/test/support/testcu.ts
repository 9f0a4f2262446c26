import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, runOrThrow } from './processes.ts';
import { judge, type TestVerdict } from './testcu-verdict.ts';

/** One test of `iscsi-test-cu` and its verdict. */
export interface TestResult extends TestVerdict {
  /** The tool's suite, here called family: `Read10`, `iSCSITMF`, … */
  readonly family: string;
  readonly test: string;
  readonly elapsedMs: number;
  /** The tool's output, kept when the test did not pass or skip. */
  readonly log: string;
}

/** What to run and how long to wait. */
export interface TestcuOptions {
  /** The LUN under test. IT IS OVERWRITTEN. */
  readonly url: string;
  /** Only tests whose `Family.Test` matches one of these patterns (`*` is any run of characters). */
  readonly only?: readonly string[];
  /** Default 60 000. */
  readonly testTimeoutMs?: number;
  /** Told after each test. */
  readonly onResult?: (result: TestResult) => void;
}

/** Failures that are the tool's own fault, with the reason. */
export const knownFailures: ReadonlyMap<string, string> = new Map([
  [
    'WriteAtomic16.Simple',
    'writes up to 256 blocks whatever MAXIMUM ATOMIC TRANSFER LENGTH of VPD page B0h says, ' +
      'which is 1 for a disk in a file',
  ],
  [
    'GetLBAStatus.UnmapSingle',
    'asks for the status of LBA i+1 and expects a descriptor of LBA i + (blocks per physical block), ' +
      'which only a disk whose physical block is one logical block can give',
  ],
  [
    'ReportSupportedOpcodes.OneCommand',
    'has room for 16 bytes of CDB usage data, and takes those of a 32-byte CDB, WRITE SAME(32), for zeroes',
  ],
  [
    'StartStopUnit.NoLoej',
    'expects a disk to be ready after START STOP UNIT with START 0, which makes it NOT READY (SBC-3 5.25)',
  ],
  [
    'StartStopUnit.PwrCnd',
    'expects GOOD for every POWER CONDITION, the reserved ones included (4h to 6h, 8h, 9h, Ch to Fh)',
  ],
]);

/**
 * Tests that can only pass the second time in one process, with the reason. The tool has every iSCSI test in two
 * families, so that a pattern runs it twice, each time in a session of its own; the second run counts.
 */
export const twiceToPass: ReadonlyMap<string, string> = new Map([
  [
    'iSCSITMF.LUNResetSimpleAsync',
    'asserts, before it has read anything, a static variable that only the answer to LOGICAL UNIT RESET sets',
  ],
]);

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
  const urls = family === 'MultipathIO' ? [options.url, options.url] : [options.url];
  // Line buffering keeps the tail of a test that hangs.
  const pattern = twiceToPass.has(name) ? `*.${name}` : `ALL.${name}`;
  const args = ['-oL', 'iscsi-test-cu', '-d', '-V', '-t', pattern, ...urls];
  const ended = await run('stdbuf', args, { timeoutMs: options.testTimeoutMs ?? 60_000, cwd });
  const verdict = judge({
    testName: test,
    status: ended.status,
    timedOut: ended.timedOut,
    log: twiceToPass.has(name) ? lastRun(ended.output) : ended.output,
  });
  const fine = ['pass', 'skip', 'part'].includes(verdict.verdict);
  if (!fine && suitesLeavingWriteProtect.has(family)) {
    await run('iscsi-swp', ['-s', 'off', options.url], { timeoutMs: 8000 });
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
