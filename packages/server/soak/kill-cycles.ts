import { lunboxInfo } from '../test/support/start-lunbox.ts';
import { startTarget } from '../test/support/start-target.ts';
import type { TargetKind, TargetUnderTest } from '../test/support/target-under-test.ts';
import { StampedWriter, type CheckResult } from './stamped-writer.ts';

/** What a run of kills is made of. */
export interface KillOptions {
  readonly kind: TargetKind;
  readonly directory: string;
  readonly cycles: number;
  readonly seed: number;
  /** Shortest and longest time under load before the kill. */
  readonly loadMs: readonly [number, number];
  readonly onCycle?: (cycle: number, check: CheckResult, progress: StampedWriter['progress']) => void;
}

/** The sum of all cycles. */
export interface KillReport {
  readonly cycles: number;
  readonly stamps: number;
  readonly flushes: number;
  readonly promised: number;
  readonly unflushedLost: number;
  readonly violations: readonly string[];
}

const sizeBytes = 32 << 20;
const grainCount = 2048;
const depth = 16;

/**
 * `kill -9` under write load, again and again on the same file: after each restart the header must be valid, and
 * every write whose flush was answered must be there.
 */
export async function runKillCycles(options: KillOptions): Promise<KillReport> {
  const writer = new StampedWriter(grainCount, options.seed);
  const start = (): Promise<TargetUnderTest> =>
    startTarget(options.kind, { directory: options.directory, sizeBytes });
  const violations: string[] = [];
  let promised = 0;
  let unflushedLost = 0;
  let target = await start();
  try {
    for (let cycle = 1; cycle <= options.cycles; cycle++) {
      await killUnderLoad(target, writer, options, cycle);
      if (target.kind === 'lunbox') await lunboxInfo(target.filePath);
      target = await start();
      const check = await writer.check(target);
      violations.push(...check.violations.map((text) => `cycle ${cycle}: ${text}`));
      promised += check.promised;
      unflushedLost += check.unflushedLost;
      options.onCycle?.(cycle, check, writer.progress);
    }
  } finally {
    await target.stop();
  }
  return { cycles: options.cycles, ...writer.progress, promised, unflushedLost, violations };
}

async function killUnderLoad(
  target: TargetUnderTest,
  writer: StampedWriter,
  options: KillOptions,
  cycle: number,
): Promise<void> {
  const [shortest, longest] = options.loadMs;
  // Multiplying by a large odd number spreads the moments without a generator of their own.
  const share = ((Math.imul(cycle + options.seed, 0x9e3779b1) >>> 0) % 1000) / 1000;
  const cut = writer.writeUntilCut(target, depth);
  await new Promise((resolve) => setTimeout(resolve, shortest + (longest - shortest) * share));
  if (!target.running()) throw new Error(`the target ended by itself:\n${target.log()}`);
  await target.kill9();
  await cut;
}
