/**
 * `npm run conformance`: runs libiscsi's whole `iscsi-test-cu` suite against Lunbox (or, for comparison, against
 * `tgtd`, or any URL) and prints passes, failures and skips by family. Some tests are run on LUNs that are made for
 * them, and all by two paths.
 */
import { parseArgs } from 'node:util';
import { startDigestBridge, type DigestBridge, type DigestCounts } from '../test/support/digest-bridge.ts';
import { requiresTools } from '../test/support/requires.ts';
import { startTarget } from '../test/support/start-target.ts';
import { makeTempDirectory } from '../test/support/temp-directory.ts';
import { runTestcu, type TestcuOptions, type TestResult } from '../test/support/testcu.ts';
import { knownSkips } from '../test/support/testcu-known.ts';
import { mergeResults, runOnSpecialLuns } from '../test/support/testcu-luns.ts';
import { formatComparison, formatReport, isBad } from '../test/support/testcu-report.ts';
import type { TargetKind } from '../test/support/target-under-test.ts';

const usage = `Usage: npm run conformance -- [options]
  --target lunbox|tgtd   what to judge (default lunbox), on new 512 MiB disks
  --compare lunbox|tgtd  judge this one too, and print both side by side
  --url URL              judge this LUN instead, and no other; IT IS OVERWRITTEN
  --sanitize             with --url: let the tool send SANITIZE as well
  --only GLOB            only tests whose Family.Test matches; repeatable
  --digests              with CRC32C digests of headers (libiscsi's own) and of data (a relay in between)
  --logs                 print the tool's output of each failed test
  --quiet                no progress lines`;

interface Options {
  readonly target: TargetKind;
  readonly compare?: TargetKind;
  readonly url?: string;
  readonly only: readonly string[];
  readonly digests: boolean;
  readonly sanitize: boolean;
  readonly logs: boolean;
  readonly quiet: boolean;
}

const isKind = (text: string | undefined): text is TargetKind => text === 'lunbox' || text === 'tgtd';

function parse(): Options {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', default: 'lunbox' },
      compare: { type: 'string' },
      url: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      digests: { type: 'boolean', default: false },
      sanitize: { type: 'boolean', default: false },
      logs: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { target, compare, url, help, ...rest } = values;
  const sanitizable = !rest.sanitize || url !== undefined;
  const comparable = compare === undefined || (isKind(compare) && compare !== target && url === undefined);
  if (help || !isKind(target) || !comparable || !sanitizable) {
    console.error(usage);
    process.exit(help ? 0 : 2);
  }
  return {
    ...rest,
    target,
    ...(compare === undefined ? {} : { compare }),
    ...(url === undefined ? {} : { url }),
  };
}

/** What was found out about one target. */
interface Judgement {
  readonly results: TestResult[];
  /** Those on an ordinary disk, in whose place others may stand. */
  readonly ordinary: TestResult[];
  readonly digests: DigestCounts[];
}

/** Runs tests, through a relay for each path when it is to be with digests. */
async function judge(tests: TestcuOptions, options: Options, digests: DigestCounts[]): Promise<TestResult[]> {
  const bridges: DigestBridge[] = [];
  const through = async (url: string): Promise<string> => {
    if (!options.digests) return url;
    const { hostname, port } = new URL(url.replace('iscsi:', 'http:'));
    const bridge = await startDigestBridge({ host: hostname, port: Number(port || 3260) });
    bridges.push(bridge);
    return url.replace(/(?<=[/@])[^/@]+(?=\/)/, `${bridge.host}:${bridge.port}`);
  };
  const onResult = (result: TestResult): void => {
    if (options.logs && isBad(result)) console.error(result.log);
    if (options.quiet || result.verdict === 'pass') return;
    console.error(`${result.verdict.padEnd(9)} ${result.family}.${result.test}  ${result.reason}`);
  };
  try {
    const url = await through(tests.url);
    const otherUrl = tests.otherUrl && (await through(tests.otherUrl));
    return await runTestcu({ ...tests, url, otherUrl, onResult });
  } finally {
    for (const bridge of bridges) {
      digests.push(bridge.counts);
      await bridge.close();
    }
  }
}

/** Judges a target on a disk, and on the LUNs that some tests are made for. */
async function judgeTarget(kind: TargetKind, options: Options): Promise<Judgement> {
  const directory = makeTempDirectory('conformance');
  const { digests, only } = options;
  const counts: DigestCounts[] = [];
  try {
    const target = await startTarget(kind, { directory: directory.path, digests, twoPaths: true });
    const { url, otherUrl } = target;
    let ordinary: TestResult[];
    try {
      ordinary = await judge({ url, otherUrl, only }, options, counts);
    } finally {
      await target.stop();
    }
    const runTests = (tests: TestcuOptions): Promise<TestResult[]> => judge(tests, options, counts);
    const special = await runOnSpecialLuns(kind, { directory: directory.path, digests, only, runTests });
    return { results: mergeResults(ordinary, special), ordinary, digests: counts };
  } finally {
    directory.remove();
  }
}

async function judgeUrl(url: string, options: Options): Promise<Judgement> {
  const digests: DigestCounts[] = [];
  const { only, sanitize } = options;
  const results = await judge({ url, only, sanitize }, options, digests);
  return { results, ordinary: results, digests };
}

function print(name: string, { results, digests }: Judgement, options: Options): void {
  const how = options.digests ? ', with header and data digests' : '';
  console.log(
    `\niscsi-test-cu against ${name}${how}\n\n${formatReport(results, name === 'lunbox' ? knownSkips : undefined)}`,
  );
  if (digests.length > 0) console.log(formatDigests(digests));
}

function isFine({ results, ordinary, digests }: Judgement): boolean {
  return ![...results, ...ordinary].some(isBad) && digests.every(({ wrong }) => wrong === 0);
}

/** The counts of all relays together. */
function formatDigests(all: readonly DigestCounts[]): string {
  const sum = (name: keyof DigestCounts): number => all.reduce((total, counts) => total + counts[name], 0);
  return (
    `\nDigests: ${sum('logins')} logins with both, ${sum('pdus')} PDUs with a header digest, ` +
    `${sum('added')} data digests sent and ${sum('checked')} checked, ${sum('wrong')} connections cut`
  );
}

async function main(): Promise<void> {
  const options = parse();
  if (!requiresTools('iscsi-test-cu', 'iscsi-readcapacity16', 'stdbuf')) {
    console.error('iscsi-test-cu is not installed: apt-get install libiscsi-bin');
    process.exit(2);
  }
  const { target, compare, url } = options;
  const judged = await (url === undefined ? judgeTarget(target, options) : judgeUrl(url, options));
  print(url ?? target, judged, options);
  if (compare !== undefined) {
    const other = await judgeTarget(compare, options);
    print(compare, other, options);
    console.log(`\n${formatComparison({ [target]: judged.results, [compare]: other.results })}`);
  }
  process.exitCode = isFine(judged) ? 0 : 1;
}

await main();
