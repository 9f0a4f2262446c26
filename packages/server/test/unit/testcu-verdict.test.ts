import { describe, expect, it } from 'vitest';
import { lastRun } from '../support/testcu.ts';
import { judge, type TestVerdict } from '../support/testcu-verdict.ts';

const summary = (total: number, ran: number, failed: number): string =>
  [
    'Run Summary:    Type  Total    Ran Passed Failed Inactive',
    `              suites      1    ${ran}    n/a      0        0`,
    `               tests      ${total}      ${ran}      ${ran - failed}      ${failed}        0`,
    'Tests completed with return value: 0',
  ].join('\n');

const judged = (body: string, options: { status?: number; timedOut?: boolean } = {}): TestVerdict =>
  judge({ testName: 'Simple', status: options.status ?? 0, timedOut: options.timedOut ?? false, log: body });

const ok = '    [OK] READ10 returned SUCCESS';
const oneTest = (lines: readonly string[], failed = 0): string =>
  ['Suite: Read10', '  Test: Simple ...', ...lines, summary(1, 1, failed)].join('\n');

describe('the verdict of one iscsi-test-cu process', () => {
  it('a test whose commands were answered as expected has passed', () => {
    expect(judged(oneTest([ok, ok, 'passed']))).toEqual({ verdict: 'pass', commandsOk: 2, reason: '' });
  });

  it('commands of the start-up sequence are not counted as the test’s own', () => {
    expect(judged(`${ok}\n${oneTest([ok, 'passed'])}`).commandsOk).toBe(1);
  });

  it('a failed assertion is a failure, with the command and the place', () => {
    const check = '    1. test_read10_simple.c:40  - CU_ASSERT_EQUAL(ret,0)';
    const result = judged(oneTest(['    [FAILED] READ10 was refused', 'FAILED', check], 1), { status: 1 });
    expect(result.verdict).toBe('fail');
    expect(result.reason).toBe('READ10 was refused @ test_read10_simple.c:40 CU_ASSERT_EQUAL(ret,0)');
  });

  it('a test that skips at once is a skip, although CUnit calls it passed', () => {
    const result = judged(oneTest(['    [SKIPPED] SANITIZE is not implemented', 'passed']));
    expect(result).toMatchObject({ verdict: 'skip', reason: 'SANITIZE is not implemented' });
  });

  it('a test that skips after commands have succeeded is a partial skip', () => {
    expect(judged(oneTest([ok, '    [SKIPPED] LUN is too large', 'passed'])).verdict).toBe('part');
  });

  it('a test that says nothing at all is a skip', () => {
    expect(judged(oneTest(['passed'])).verdict).toBe('skip');
  });

  it('a skip of the suite’s clean-up is not the test’s own', () => {
    const cleanUp = [
      'passed    Send PRIN/READ_KEYS',
      '    [SKIPPED] PERSISTENT RESERVE IN is not implemented.',
    ];
    expect(judged(oneTest([ok, ...cleanUp])).verdict).toBe('pass');
    const silent = `  Test: Simple ...passed    Send PRIN/READ_KEYS\n${cleanUp[1]}\n${summary(1, 1, 0)}`;
    expect(judged(silent).reason).toMatch(/silent/);
  });

  it('a process that ran out of time has hung, whatever it printed', () => {
    const result = judged(`  Test: Simple ...\n${ok}`, { timedOut: true });
    expect(result.verdict).toBe('hang');
  });

  it('a process that ends without a summary has crashed', () => {
    expect(judged(`  Test: Simple ...\n${ok}`, { status: 139 }).verdict).toBe('crash');
  });

  it('a process that could not log in is told apart from a crash', () => {
    expect(judged('Failed to log in to target\n', { status: 255 }).verdict).toBe('no-login');
    expect(judged(summary(1, 0, 0)).verdict).toBe('no-login');
  });

  it('a pattern that matches no test was not run', () => {
    expect(judged(summary(0, 0, 0)).verdict).toBe('not-run');
  });

  it('of a test that was run twice, the second run counts', () => {
    const run = (...lines: string[]): string =>
      ['', 'Suite: iSCSITMF', '  Test: Simple ...', ...lines].join('\n');
    const check = '    1. test_async_lu_reset_simple.c:157  - CU_ASSERT_EQUAL(reconnect_succeeded,1)';
    const [good, bad] = [run(ok, 'passed'), run(ok, 'FAILED', check)];
    expect(judged(lastRun(`${bad}${good}\n${summary(2, 2, 1)}`)).verdict).toBe('pass');
    expect(judged(lastRun(`${good}${bad}\n${summary(2, 2, 1)}`)).verdict).toBe('fail');
  });
});
