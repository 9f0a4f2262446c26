import { MemoryDevice } from '@lunbox/block';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveInMemory } from './memory-server.ts';
import { startLunbox } from './start-lunbox.ts';
import { startTarget } from './start-target.ts';
import type { TargetKind, TargetOptions, TargetUnderTest } from './target-under-test.ts';
import { isWanted, listTests, runTestcu, type TestcuOptions, type TestResult } from './testcu.ts';

/** A LUN by one path or two, and its end. */
export type ServedLun = Pick<TargetUnderTest, 'url' | 'otherUrl' | 'stop'>;

/** A LUN that some tests are made for: on any other they have nothing to do, or fail through a fault of the tool. */
export interface SpecialLun {
  readonly name: string;
  readonly tests: readonly string[];
  /** Let the tool send SANITIZE. */
  readonly sanitize?: true;
  /** How long a test may take; default 60 000. */
  readonly testTimeoutMs?: number;
  /** Undefined: this target has no such LUN. */
  readonly start: (kind: TargetKind, options: TargetOptions) => Promise<ServedLun> | undefined;
}

/** Size of small media. */
const BYTES = 16 << 20;

/** Every test that is judged elsewhere than on an ordinary disk, and where. */
export const SPECIAL_LUNS: readonly SpecialLun[] = [
  {
    name: 'a removable disk',
    tests: ['NoMedia.*', 'PreventAllow.*', 'StartStopUnit.PwrCnd', 'StartStopUnit.Simple'],
    start: (kind, options) => startTarget(kind, { ...options, fileName: 'removable.img', removable: true }),
  },
  {
    name: 'a write-protected disk',
    tests: ['ReadOnly.*'],
    start: (kind, options) =>
      startTarget(kind, { ...options, fileName: 'write-protected.img', writeProtected: true }),
  },
  {
    name: 'a disk to be sanitized',
    tests: ['Block', 'Crypto', 'ExitFailureMode', 'Invalid', 'Overwrite', 'Readonly', 'Reservations'].map(
      (start) => `Sanitize.${start}*`,
    ),
    sanitize: true,
    start: (kind, options) => startTarget(kind, { ...options, fileName: 'sanitized.img' }),
  },
  {
    // The test sends SANITIZE, and a good four seconds later it must still go on; then it waits for a minute.
    name: 'a disk that is sanitized slowly',
    tests: ['Sanitize.Reset'],
    sanitize: true,
    testTimeoutMs: 180_000,
    start: onlyLunbox((options) =>
      startLunbox({
        ...options,
        fileName: 'slowly-sanitized.lun',
        sizeBytes: 64 << 20,
        serveFlags: ['--background-rate', '4M'],
      }),
    ),
  },
  {
    // The tests want more blocks than MAXIMUM WRITE SAME LENGTH, which are those of 4 GiB.
    name: 'a disk of 5 GiB whose rest WRITE SAME fills',
    tests: ['WriteSame10.ZeroBlocks', 'WriteSame16.UnmapUntilEnd', 'WriteSame16.ZeroBlocks'],
    start: onlyLunbox((options) =>
      startLunbox({
        ...options,
        fileName: 'filled.lun',
        sizeBytes: 5 * 2 ** 30,
        serveFlags: ['--write-same-rest', '0'],
      }),
    ),
  },
  {
    name: 'a disk with blocks of 4096 bytes',
    tests: ['GetLBAStatus.UnmapSingle'],
    start: onlyLunbox((options) =>
      startTarget('lunbox', { ...options, fileName: '4kn.lun', blockSize: 4096 }),
    ),
  },
  {
    name: 'a disk in memory, which writes 256 KiB at once',
    tests: ['WriteAtomic16.Simple'],
    start: onlyLunbox((options) =>
      serveInMemory({ device: new MemoryDevice({ size: BYTES }), atomicWriteBytes: 256 << 10 }, options),
    ),
  },
  {
    // By one path: the tool has no multipath but of disks.
    name: 'a CD-ROM drive',
    tests: ['ReportSupportedOpcodes.OneCommand', 'StartStopUnit.NoLoej'],
    start: onlyLunbox(({ directory }) => {
      const fileName = 'disc.iso';
      writeFileSync(join(directory, fileName), new Uint8Array(BYTES));
      return startLunbox({ directory, fileName });
    }),
  },
];

function onlyLunbox(start: (options: TargetOptions) => Promise<ServedLun>): SpecialLun['start'] {
  return (kind, options) => (kind === 'lunbox' ? start(options) : undefined);
}

/** How the suite is run on the LUNs of {@link SPECIAL_LUNS}. */
export interface SpecialRunOptions {
  /** Directory for the disks; it belongs to the caller. */
  readonly directory: string;
  readonly digests?: boolean;
  /** Only tests whose `Family.Test` matches one of these patterns. */
  readonly only?: readonly string[];
  /** Runs tests. Default: `runTestcu`. */
  readonly runTests?: (options: TestcuOptions) => Promise<TestResult[]>;
}

/** Runs, on a new LUN of each kind, the tests that are made for it. */
export async function runOnSpecialLuns(kind: TargetKind, options: SpecialRunOptions): Promise<TestResult[]> {
  const { directory, digests = false, only = [], runTests = runTestcu } = options;
  const wanted = (await listTests()).filter((name) => isWanted(name, only));
  const results: TestResult[] = [];
  for (const { name, tests, start, sanitize, testTimeoutMs } of SPECIAL_LUNS) {
    const names = wanted.filter((each) => isWanted(each, tests));
    const target = names.length === 0 ? undefined : await start(kind, { directory, digests, twoPaths: true });
    if (target === undefined) continue;
    const { url, otherUrl } = target;
    try {
      const found = await runTests({
        url,
        otherUrl,
        only: names,
        ...(sanitize && { sanitize }),
        ...(testTimeoutMs && { testTimeoutMs }),
      });
      results.push(...found.map((result) => ({ ...result, on: name })));
    } finally {
      await target.stop();
    }
  }
  return results;
}

/** The results with those of the LUNs made for a test in place of others, for better or worse. */
export function mergeResults(results: readonly TestResult[], special: readonly TestResult[]): TestResult[] {
  const nameOf = ({ family, test }: TestResult): string => `${family}.${test}`;
  const byName = new Map(special.map((result) => [nameOf(result), result]));
  return results.map((result) => byName.get(nameOf(result)) ?? result);
}
