import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDigestBridge } from '../support/digest-bridge.ts';
import { requiresTools } from '../support/requires.ts';
import { startTarget, targetKindUnderTest } from '../support/start-target.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { listTests, runTestcu, type TestResult } from '../support/testcu.ts';
import { knownFailures, knownSkips } from '../support/testcu-known.ts';
import { mergeResults, runOnSpecialLuns } from '../support/testcu-luns.ts';
import { formatReport, isBad } from '../support/testcu-report.ts';

/** Families whose commands Lunbox serves: nothing in them may fail. */
const servedFamilies = [
  'ExtendedCopy',
  'GetLBAStatus',
  'Inquiry',
  'Mandatory',
  'NoMedia',
  'ModeSense6',
  'PreventAllow',
  'ReadOnly',
  'Read6',
  'Read10',
  'Read12',
  'Read16',
  'ReadCapacity10',
  'ReadCapacity16',
  'ReceiveCopyResults',
  'ReportSupportedOpcodes',
  'Reserve6',
  'Sanitize',
  'StartStopUnit',
  'TestUnitReady',
  'Unmap',
  'Verify10',
  'Verify12',
  'Verify16',
  'Write10',
  'Write12',
  'Write16',
  'WriteSame10',
  'WriteSame16',
  'WriteVerify10',
  'WriteVerify12',
  'WriteVerify16',
  'iSCSIcmdsn',
  'iSCSIdatasn',
  'iSCSIResiduals',
  'iSCSITMF',
];

/** Families that must have really run: a suite that skips everything proves nothing. */
const mustNotSkip = [
  'ExtendedCopy',
  'Inquiry',
  'NoMedia',
  'PreventAllow',
  'Read10',
  'Read16',
  'ReadOnly',
  'ReceiveCopyResults',
  'StartStopUnit',
  'Unmap',
  'Verify10',
  'Write10',
  'Write16',
  'WriteSame16',
];

/** What is run once more with digests: every way that data moves, and all that the tool knows of iSCSI. */
const withDigests = [
  'Inquiry.*',
  'MultipathIO.*',
  'Read10.*',
  'Read16.*',
  'Unmap.*',
  'Verify10.*',
  'Write10.*',
  'Write16.*',
  'WriteSame16.*',
  'iSCSI*',
];

const kind = targetKindUnderTest();
const ready = requiresTools('iscsi-test-cu', 'iscsi-readcapacity16', 'stdbuf');

describe.skipIf(!ready)('iscsi-test-cu', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;
  /** On an ordinary disk, by two paths. */
  let ordinary: TestResult[];
  /** The same with those of other LUNs in place of some. */
  let results: TestResult[];

  beforeAll(async () => {
    directory = makeTempDirectory('testcu');
    target = await startTarget(kind, { directory: directory.path, digests: true, twoPaths: true });
    const { url, otherUrl } = target;
    const special = runOnSpecialLuns(kind, { directory: directory.path });
    [ordinary, results] = await Promise.all([runTestcu({ url, otherUrl }), special]);
    results = mergeResults(ordinary, results);
  }, 600_000);

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  it('every test that the tool lists was run', async () => {
    const ran = results.map((result) => `${result.family}.${result.test}`);
    expect(ran).toEqual(await listTests());
    expect(results.filter((result) => result.verdict === 'not-run')).toEqual([]);
  });

  it('no test hangs, crashes or loses its login', () => {
    const broken = [...ordinary, ...results].filter((result) =>
      ['hang', 'crash', 'no-login'].includes(result.verdict),
    );
    expect(broken.map((result) => `${result.family}.${result.test}: ${result.reason}`)).toEqual([]);
    expect(target.running()).toBe(true);
  });

  it.each(servedFamilies)('%s: no test fails', (family) => {
    const ofFamily = [...ordinary, ...results].filter((result) => result.family === family);
    expect(ofFamily.length).toBeGreaterThan(0);
    const failed = ofFamily.filter((result) => isBad(result));
    expect(failed.map((result) => `${result.test}: ${result.reason}`)).toEqual([]);
  });

  it.each(mustNotSkip)('%s: no test is skipped as a whole', (family) => {
    const skipped = results.filter((result) => result.family === family && result.verdict === 'skip');
    expect(skipped.map((result) => `${result.test}: ${result.reason}`)).toEqual([]);
  });

  it('the whole iSCSI family passes: no failure, no skip', () => {
    const ofFamily = results.filter((result) => result.family.startsWith('iSCSI'));
    expect(ofFamily.length).toBeGreaterThanOrEqual(15);
    const others = ofFamily.filter((result) => result.verdict !== 'pass');
    expect(others.map((result) => `${result.test}: ${result.verdict} ${result.reason}`)).toEqual([]);
  });

  it.skipIf(kind === 'tgtd')('every skip is a known one, and has a reason', () => {
    const skipped = results.filter(({ verdict }) => verdict === 'skip' || verdict === 'part');
    expect(listTestsOf(skipped).sort()).toEqual([...knownSkips.keys()].sort());
  });

  it.skipIf(kind === 'tgtd')(
    '225 tests of 230 pass at least, by two paths, and nothing fails but PwrCnd',
    () => {
      expect(target.otherUrl).toBeDefined();
      expect(results.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThanOrEqual(225);
      const failed = results.filter(({ verdict }) => !['pass', 'skip', 'part'].includes(verdict));
      expect(listTestsOf(failed)).toEqual(['StartStopUnit.PwrCnd']);
    },
  );

  it('header and data digests change no result', async () => {
    const bridge = await startDigestBridge(target);
    const url = target.url.replace(target.portal, `${bridge.host}:${bridge.port}`);
    const digested = await runTestcu({ url, only: withDigests });
    await bridge.close();
    const names = new Set(listTestsOf(digested));
    const plain = ordinary.filter(({ family, test }) => names.has(`${family}.${test}`));
    expect(names.size).toBeGreaterThan(60);
    expect(digested.map(verdictOf)).toEqual(plain.map(verdictOf));
    const { wrong, logins, checked, added } = bridge.counts;
    expect(wrong).toBe(0);
    expect(logins).toBeGreaterThan(digested.length);
    expect(Math.min(checked, added)).toBeGreaterThan(1000);
  }, 120_000);

  it('the report counts each test once and keeps known failures apart', () => {
    const report = formatReport(results);
    expect(report).toMatch(new RegExp(`^TOTAL +${results.length} `, 'm'));
    for (const name of knownFailures.keys()) expect(listTestsOf(results)).toContain(name);
  });
});

describe.skipIf(!ready || kind === 'tgtd')('iscsi-test-cu, on a disk with blocks of 4096 bytes', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;

  beforeAll(async () => {
    directory = makeTempDirectory('testcu-4k');
    target = await startTarget(kind, { directory: directory.path, blockSize: 4096 });
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  it('no test of reads, writes and provisioning fails, those included that need equal block sizes', async () => {
    const only = [
      'GetLBAStatus.*',
      'Read10.*',
      'Read16.*',
      'ReadCapacity16.*',
      'Unmap.*',
      'Write10.*',
      'Write16.*',
    ];
    const results = await runTestcu({ url: target.url, only });
    const failed = results.filter((result) => !['pass', 'skip', 'part'].includes(result.verdict));
    expect(failed.map((result) => `${result.family}.${result.test}: ${result.reason}`)).toEqual([]);
    const single = results.find((result) => result.test === 'UnmapSingle');
    expect(single?.verdict).toBe('pass');
  }, 120_000);
});

function verdictOf({ family, test, verdict }: TestResult): string {
  return `${family}.${test}: ${verdict}`;
}

function listTestsOf(results: readonly TestResult[]): string[] {
  return results.map((result) => `${result.family}.${result.test}`);
}
