/**
 * `npm run conformance`: runs libiscsi's whole `iscsi-test-cu` suite against Lunbox (or, for comparison, against
 * `tgtd`, or any URL) and prints passes, failures and skips by family.
 */
import { parseArgs } from 'node:util';
import { requiresTools } from '../test/support/requires.ts';
import { startTarget } from '../test/support/start-target.ts';
import { makeTempDirectory } from '../test/support/temp-directory.ts';
import { runTestcu, type TestResult } from '../test/support/testcu.ts';
import { formatReport, isBad } from '../test/support/testcu-report.ts';

const usage = `Usage: npm run conformance -- [options]
  --target lunbox|tgtd   what to judge (default lunbox), on a new 512 MiB disk
  --url URL              judge this LUN instead; IT IS OVERWRITTEN
  --only GLOB            only tests whose Family.Test matches; repeatable
  --logs                 print the tool's output of each failed test
  --quiet                no progress lines`;

function parse(): { target: 'lunbox' | 'tgtd'; url?: string; only: string[]; logs: boolean; quiet: boolean } {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', default: 'lunbox' },
      url: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      logs: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { target, url, only, logs, quiet } = values;
  if (values.help || (target !== 'lunbox' && target !== 'tgtd')) {
    console.error(usage);
    process.exit(values.help ? 0 : 2);
  }
  return { target, only, logs, quiet, ...(url === undefined ? {} : { url }) };
}

async function main(): Promise<void> {
  const options = parse();
  if (!requiresTools('iscsi-test-cu', 'iscsi-readcapacity16', 'stdbuf')) {
    console.error('iscsi-test-cu is not installed: apt-get install libiscsi-bin');
    process.exit(2);
  }
  const directory = makeTempDirectory('conformance');
  const target =
    options.url === undefined ? await startTarget(options.target, { directory: directory.path }) : undefined;
  const progress = (result: TestResult): void => {
    if (options.logs && isBad(result)) console.error(result.log);
    if (options.quiet || result.verdict === 'pass') return;
    console.error(`${result.verdict.padEnd(9)} ${result.family}.${result.test}  ${result.reason}`);
  };
  try {
    const url = options.url ?? target?.url ?? '';
    const results = await runTestcu({ url, only: options.only, onResult: progress });
    console.log(`\niscsi-test-cu against ${options.url ?? options.target}\n\n${formatReport(results)}`);
    process.exitCode = results.some(isBad) ? 1 : 0;
  } finally {
    await target?.stop();
    directory.remove();
  }
}

await main();
