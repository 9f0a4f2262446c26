import { join } from 'node:path';
import { lunboxInfo } from '../test/support/start-lunbox.ts';
import { startTarget } from '../test/support/start-target.ts';
import type { TargetKind, TargetUnderTest } from '../test/support/target-under-test.ts';
import { SnapshotKeeper, type KeeperProgress } from './snapshot-keeper.ts';
import { StampedWriter, type CheckResult } from './stamped-writer.ts';

/** What a run of kills is made of. */
export interface KillOptions {
  readonly kind: TargetKind;
  readonly directory: string;
  readonly cycles: number;
  readonly seed: number;
  /** Shortest and longest time under load before the kill. */
  readonly loadMs: readonly [number, number];
  /** Snapshots are taken, deleted and restored meanwhile. Default false. */
  readonly snapshots?: boolean;
  readonly onCycle?: (cycle: number, check: CheckResult, progress: StampedWriter['progress']) => void;
}

/** The sum of all cycles. */
export interface KillReport {
  readonly cycles: number;
  readonly stamps: number;
  readonly flushes: number;
  readonly promised: number;
  readonly unflushedLost: number;
  readonly snapshots: KeeperProgress;
  readonly violations: readonly string[];
}

const sizeBytes = 32 << 20;
const grainCount = 2048;
const depth = 16;

/** Every so many cycles the disk is set back to a snapshot, and killed meanwhile. */
const RESTORE_EVERY = 4;

/**
 * `kill -9` under write load, again and again on the same file: after each restart the header must be valid, and
 * every write whose flush was answered must be there. With snapshots, each of them has what it must have as well.
 */
export async function runKillCycles(options: KillOptions): Promise<KillReport> {
  const { directory, seed } = options;
  const writer = new StampedWriter(grainCount, seed);
  const socket = join(directory, 'control.sock');
  const keeper = new SnapshotKeeper(writer, socket, seed);
  const serveFlags = options.snapshots === true ? ['--control', socket] : [];
  const start = (): Promise<TargetUnderTest> =>
    startTarget(options.kind, { directory, sizeBytes, serveFlags });
  const violations: string[] = [];
  let promised = 0;
  let unflushedLost = 0;
  let target = await start();
  const killed = async (): Promise<TargetUnderTest> => {
    await target.kill9();
    if (target.kind === 'lunbox') await lunboxInfo(target.filePath);
    return (target = await start());
  };
  try {
    for (let cycle = 1; cycle <= options.cycles; cycle++) {
      await killUnderLoad(target, writer, options, cycle, options.snapshots === true ? keeper : undefined);
      await killed();
      const check = await writer.check(target);
      const wrong = [...check.violations];
      if (options.snapshots === true) wrong.push(...(await keeper.check(target)));
      if (options.snapshots === true && cycle % RESTORE_EVERY === 0)
        wrong.push(...(await keeper.restoreKilled(target, killed)), ...(await keeper.check(target)));
      violations.push(...wrong.map((text) => `cycle ${cycle}: ${text}`));
      promised += check.promised;
      unflushedLost += check.unflushedLost;
      options.onCycle?.(cycle, check, writer.progress);
    }
  } finally {
    await target.stop();
  }
  const { progress: snapshots } = keeper;
  return { cycles: options.cycles, ...writer.progress, promised, unflushedLost, snapshots, violations };
}

async function killUnderLoad(
  target: TargetUnderTest,
  writer: StampedWriter,
  options: KillOptions,
  cycle: number,
  keeper: SnapshotKeeper | undefined,
): Promise<void> {
  const [shortest, longest] = options.loadMs;
  // Multiplying by a large odd number spreads the moments without a generator of their own.
  const share = ((Math.imul(cycle + options.seed, 0x9e3779b1) >>> 0) % 1000) / 1000;
  // The time counts from the first write on, however long a login takes on a busy machine.
  let written: Promise<void> | undefined;
  await new Promise<void>((begun, failed) => {
    written = writer.writeUntilCut(target, depth, begun);
    written.catch(failed);
  });
  const cut = Promise.all([written, keeper?.workUntilCut()]);
  await new Promise((resolve) => setTimeout(resolve, shortest + (longest - shortest) * share));
  if (!target.running()) throw new Error(`the target ended by itself:\n${target.log()}`);
  await target.kill9();
  await cut;
}
