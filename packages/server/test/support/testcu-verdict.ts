/**
 * What became of one test of `iscsi-test-cu`. CUnit counts a skipped test as passed, so `skip` (it said so at
 * once, or printed nothing at all) and `part` (it checked some commands, then skipped) are told apart here.
 */
export type Verdict = 'pass' | 'fail' | 'skip' | 'part' | 'hang' | 'crash' | 'no-login' | 'not-run';

/** One judged test. */
export interface TestVerdict {
  readonly verdict: Verdict;
  /** Commands that were answered as the test expected. */
  readonly commandsOk: number;
  /** Why it did not pass, in the tool's own words; empty for a pass. */
  readonly reason: string;
}

/** How the process of one test ended, and everything it printed with `-V`. */
export interface TestRun {
  readonly testName: string;
  readonly status: number | null;
  readonly timedOut: boolean;
  readonly log: string;
}

const bareHeading = /\.\.\.(passed|FAILED)?( +.*Send PRIN.*)?$/;
/** The test's own verdict; what follows on the line and after it is the clean-up of the suite. */
const testVerdict = /^(passed|FAILED)|^ {2}Test: .*\.\.\.(passed|FAILED)/;
const failedCheck = /^ {4}[0-9]+\. .*:[0-9]+ {2}- /;
const noConnection = /Failed to (connect|login|log)|login failed|Suite initialization failed/;

interface Summary {
  readonly total: number;
  readonly ran: number;
  readonly failed: number;
}

/** What the log of one test says, before it is weighed. */
interface LogFacts {
  saidLines: number;
  commandsOk: number;
  skip?: string;
  failedCommand?: string;
  failedCheck?: string;
  failedChecks: number;
  connection?: string;
  summary?: Summary | undefined;
  lastLine: string;
}

/** Judges the log of a process that ran a single test. */
export function judge(run: TestRun): TestVerdict {
  const facts = readLog(run.log, run.testName);
  const because = (verdict: Verdict, reason: string): TestVerdict => ({
    verdict,
    commandsOk: facts.commandsOk,
    reason: reason
      .replace(/[\t\r]/g, ' ')
      .trim()
      .slice(0, 160),
  });
  const { summary } = facts;
  if (run.timedOut) return because('hang', `timeout; last: ${facts.lastLine}`);
  if (!summary) {
    const why = `exit ${String(run.status)}; ${facts.connection ?? facts.lastLine}`;
    return because(facts.connection === undefined ? 'crash' : 'no-login', why);
  }
  if (summary.total === 0) return because('not-run', 'no such test in this binary');
  if (summary.ran === 0) return because('no-login', facts.connection ?? 'the suite did not start');
  // A pattern that matched several tests shares one summary; then only the printed checks belong to this one.
  if (summary.total > 1 ? facts.failedChecks > 0 : summary.failed > 0) {
    return because('fail', [facts.failedCommand, facts.failedCheck].filter(Boolean).join(' @ '));
  }
  if (facts.skip !== undefined) return because(facts.commandsOk > 0 ? 'part' : 'skip', facts.skip);
  if (facts.saidLines === 0) return because('skip', '(silent) passed without doing anything');
  return because('pass', '');
}

function readLog(log: string, testName: string): LogFacts {
  const facts: LogFacts = { saidLines: 0, commandsOk: 0, failedChecks: 0, lastLine: '' };
  let part: 'before' | 'test' | 'clean-up' | 'summary' = 'before';
  for (const line of log.split('\n')) {
    if (line.startsWith('  Test: ')) {
      part = line.slice(8).split(' ')[0] === testName ? 'test' : 'before';
      if (part === 'test' && !bareHeading.test(line)) facts.saidLines++;
    } else if (part === 'test' && line.trim() !== '' && !testVerdict.test(line)) {
      facts.saidLines++;
    }
    if (line.startsWith('Run Summary:')) part = 'summary';
    else if (part === 'test' && testVerdict.test(line)) part = 'clean-up';
    if (part === 'summary') facts.summary ??= readSummary(line);
    if (part === 'test') readCommandLine(line, facts);
    if (part === 'test' || part === 'clean-up') readCheckLine(line, facts);
    if (noConnection.test(line)) facts.connection ??= line;
    if (line.trim() !== '') facts.lastLine = line;
  }
  return facts;
}

function readCommandLine(line: string, facts: LogFacts): void {
  if (line.includes('[OK]')) facts.commandsOk++;
  if (line.includes('[SKIPPED]')) facts.skip ??= line.replace(/.*\[SKIPPED\] */, '');
  if (line.includes('[FAILED]') && !/^ {4}[0-9]+\. /.test(line)) {
    facts.failedCommand ??= line.replace(/.*\[FAILED\] */, '');
  }
}

/** The failed assertions are listed after the verdict. */
function readCheckLine(line: string, facts: LogFacts): void {
  if (!failedCheck.test(line)) return;
  facts.failedChecks++;
  facts.failedCheck ??= line
    .replace(/^ *[0-9]+\. /, '')
    .replace(/ +Send PRIN.*/, '')
    .replace('  - ', ' ');
}

/** The line `tests Total Ran Passed Failed Inactive`; the tool's other totals cannot be relied on. */
function readSummary(line: string): Summary | undefined {
  const [name, total, ran, , failed] = line.trim().split(/\s+/);
  return name === 'tests' ? { total: Number(total), ran: Number(ran), failed: Number(failed) } : undefined;
}
