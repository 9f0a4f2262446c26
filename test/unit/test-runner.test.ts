import { describe, expect, it } from 'vitest';
import { run } from '../../tools/process.mjs';
import { countReport, foldersOf } from '../../tools/test-stages.mjs';
import { filesUnder } from '../support/workspace.ts';

const node = (script: string, limitMs?: number) =>
  run(process.execPath, ['-e', script], limitMs === undefined ? {} : { limitMs });

describe('a command run by the tools', () => {
  it('comes back with its exit code and all it said', async () => {
    const outcome = await node(`console.log('out'); console.error('err'); process.exitCode = 3;`);
    expect(outcome).toMatchObject({ code: 3, timedOut: false });
    expect(outcome.output).toContain('out\n');
    expect(outcome.output).toContain('err\n');
  });

  it('that does not exist ends with 127, as in a shell', async () => {
    expect(await run('lunbox-no-such-program', [])).toMatchObject({ code: 127 });
  });

  it('that outlives its limit is ended together with what it started', async () => {
    const grandchild = `setInterval(() => {}, 1000); console.log('running');`;
    const outcome = await node(
      `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'inherit' });`,
      2000,
    );
    // The grandchild holds the pipe of the output: that the command has come back says that it has ended too.
    expect(outcome).toEqual({ code: null, timedOut: true, output: 'running\n' });
  });
});

describe('the counts of a stage', () => {
  const file = (status: string, ...tests: string[]) => ({
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  });

  it('are those of its tests: passed, failed, and everything else skipped', () => {
    const testResults = [
      file('passed', 'passed', 'passed', 'skipped'),
      file('failed', 'failed', 'pending', 'todo'),
    ];
    expect(countReport({ testResults })).toEqual({ passed: 2, failed: 1, skipped: 3 });
  });

  it('have a failure for a file that failed without a failed test', () => {
    expect(countReport({ testResults: [file('failed'), file('failed', 'passed')] })).toEqual({
      passed: 1,
      failed: 2,
      skipped: 0,
    });
  });

  it('are zero without a report', () => {
    expect(countReport({ testResults: [] })).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});

it('every test lies in a folder that a stage runs', () => {
  const folders = new Set(Object.values(foldersOf).flat());
  const strays = filesUnder('', (path) => path.endsWith('.test.ts')).filter(({ path }) => {
    const [, folder = ''] = /(?:^|\/)test\/([^/]+)\//.exec(path) ?? [];
    return !folders.has(folder);
  });
  expect(strays.map(({ path }) => path)).toEqual([]);
});
