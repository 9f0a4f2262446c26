import { startTarget } from './start-target.ts';
import type { TargetKind, TargetOptions } from './target-under-test.ts';
import { isWanted, listTests, runTestcu, type TestResult } from './testcu.ts';

/** A LUN that some tests are made for: on any other they have nothing to do. */
interface SpecialLun {
  readonly name: string;
  readonly options: Pick<TargetOptions, 'removable' | 'writeProtected'>;
  readonly tests: readonly string[];
}

/** The tests of a removable medium, and of a write-protected one. */
export const SPECIAL_LUNS: readonly SpecialLun[] = [
  {
    name: 'removable',
    options: { removable: true },
    tests: ['NoMedia.*', 'PreventAllow.*', 'StartStopUnit.*'],
  },
  { name: 'write-protected', options: { writeProtected: true }, tests: ['ReadOnly.*'] },
];

/** How the suite is run on the LUNs of {@link SPECIAL_LUNS}. */
export interface SpecialRunOptions {
  /** Directory for the disks; it belongs to the caller. */
  readonly directory: string;
  readonly digests?: boolean;
  /** Only tests whose `Family.Test` matches one of these patterns. */
  readonly only?: readonly string[];
  /** Runs these tests at a URL. Default: `runTestcu`. */
  readonly runTests?: (url: string, only: readonly string[]) => Promise<TestResult[]>;
}

/** Runs, on a new LUN of each kind, the tests that are made for it. */
export async function runOnSpecialLuns(kind: TargetKind, options: SpecialRunOptions): Promise<TestResult[]> {
  const {
    directory,
    digests = false,
    only = [],
    runTests = (url, names) => runTestcu({ url, only: names }),
  } = options;
  const wanted = (await listTests()).filter((name) => isWanted(name, only));
  const results: TestResult[] = [];
  for (const { name, options: lun, tests } of SPECIAL_LUNS) {
    const names = wanted.filter((each) => isWanted(each, tests));
    if (names.length === 0) continue;
    const target = await startTarget(kind, { directory, fileName: `${name}.img`, digests, ...lun });
    try {
      results.push(...(await runTests(target.url, names)));
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
