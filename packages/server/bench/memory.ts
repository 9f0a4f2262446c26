import type { TargetUnderTest } from '../test/support/target-under-test.ts';
import { residentBytes } from './process-stat.ts';
import { generate } from './throughput.ts';

/** Resident memory of a target before, during and after many sessions. */
export interface MemoryReport {
  readonly idleBytes: number;
  readonly peakBytes: number;
  readonly afterBytes: number;
}

/** Measures memory under `sessions` sessions of `depth` commands each: reads and writes of 4 and 256 KiB. */
export async function measureMemory(
  target: TargetUnderTest,
  load: { readonly sessions: number; readonly depth: number; readonly durationMs: number },
): Promise<MemoryReport> {
  const idleBytes = residentBytes(target.pid).now;
  for (const direction of ['read', 'write'] as const) {
    for (const ioBytes of [4 << 10, 256 << 10]) {
      await generate(target, { direction, pattern: 'random', ioBytes, ...load });
    }
  }
  const { peak } = residentBytes(target.pid);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return { idleBytes, peakBytes: peak, afterBytes: residentBytes(target.pid).now };
}

/** One line of the report. */
export function formatMemory(name: string, report: MemoryReport): string {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const { idleBytes, peakBytes, afterBytes } = report;
  return `${name.padEnd(8)} idle ${mib(idleBytes)}, peak ${mib(peakBytes)}, a second after ${mib(afterBytes)}`;
}
