/**
 * `npm run conformance`: runs libiscsi's whole `iscsi-test-cu` suite against Lunbox (or, for comparison, against
 * `tgtd`, or any URL) and prints passes, failures and skips by family.
 */
import { parseArgs } from 'node:util';
import { startDigestBridge, type DigestCounts } from '../test/support/digest-bridge.ts';
import { requiresTools } from '../test/support/requires.ts';
import { startTarget } from '../test/support/start-target.ts';
import { makeTempDirectory } from '../test/support/temp-directory.ts';
import { runTestcu, type TestResult } from '../test/support/testcu.ts';
import { formatReport, isBad } from '../test/support/testcu-report.ts';
import type { TargetKind } from '../test/support/target-under-test.ts';

const usage = `Usage: npm run conformance -- [options]
  --target lunbox|tgtd   what to judge (default lunbox), on a new 512 MiB disk
  --url URL              judge this LUN instead; IT IS OVERWRITTEN
  --only GLOB            only tests whose Family.Test matches; repeatable
  --digests              with CRC32C digests of headers (libiscsi's own) and of data (a relay in between)
  --logs                 print the tool's output of each failed test
  --quiet                no progress lines`;

interface Options {
  readonly target: TargetKind;
  readonly url?: string;
  readonly only: readonly string[];
  readonly digests: boolean;
  readonly logs: boolean;
  readonly quiet: boolean;
}

function parse(): Options {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', default: 'lunbox' },
      url: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      digests: { type: 'boolean', default: false },
      logs: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { target, url, only, digests, logs, quiet } = values;
  if (values.help || (target !== 'lunbox' && target !== 'tgtd')) {
    console.error(usage);
    process.exit(values.help ? 0 : 2);
  }
  return { target, only, digests, logs, quiet, ...(url === undefined ? {} : { url }) };
}

/** Runs the suite at `url`, through a relay when it is to be with digests; answers whether nothing was bad. */
async function judge(url: string, options: Options): Promise<boolean> {
  const { hostname, port } = new URL(url.replace('iscsi:', 'http:'));
  const bridge = options.digests
    ? await startDigestBridge({ host: hostname, port: Number(port || 3260) })
    : undefined;
  const progress = (result: TestResult): void => {
    if (options.logs && isBad(result)) console.error(result.log);
    if (options.quiet || result.verdict === 'pass') return;
    console.error(`${result.verdict.padEnd(9)} ${result.family}.${result.test}  ${result.reason}`);
  };
  try {
    const through = bridge ? url.replace(/(?<=[/@])[^/@]+(?=\/)/, `${bridge.host}:${bridge.port}`) : url;
    const results = await runTestcu({ url: through, only: options.only, onResult: progress });
    const how = bridge ? ', with header and data digests' : '';
    console.log(`\niscsi-test-cu against ${options.url ?? options.target}${how}\n\n${formatReport(results)}`);
    if (bridge) console.log(formatDigests(bridge.counts));
    return !results.some(isBad) && (bridge === undefined || bridge.counts.wrong === 0);
  } finally {
    await bridge?.close();
  }
}

function formatDigests({ logins, pdus, added, checked, wrong }: Readonly<DigestCounts>): string {
  return (
    `\nDigests: ${logins} logins with both, ${pdus} PDUs with a header digest, ` +
    `${added} data digests sent and ${checked} checked, ${wrong} connections cut`
  );
}

async function main(): Promise<void> {
  const options = parse();
  if (!requiresTools('iscsi-test-cu', 'iscsi-readcapacity16', 'stdbuf')) {
    console.error('iscsi-test-cu is not installed: apt-get install libiscsi-bin');
    process.exit(2);
  }
  const directory = makeTempDirectory('conformance');
  const { digests } = options;
  const target =
    options.url === undefined
      ? await startTarget(options.target, { directory: directory.path, digests })
      : undefined;
  try {
    process.exitCode = (await judge(options.url ?? target?.url ?? '', options)) ? 0 : 1;
  } finally {
    await target?.stop();
    directory.remove();
  }
}

await main();
