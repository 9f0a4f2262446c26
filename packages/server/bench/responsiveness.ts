import type { TargetUnderTest } from '../test/support/target-under-test.ts';
import { readCapacity, settle } from './disk.ts';
import { Initiator } from './initiator.ts';
import { CommandError, Task } from './task.ts';
import { readTurnProbe } from './turn-probe.ts';
import type { LoadResult } from './workload.ts';

/** How a target behaved while something heavy ran. */
export interface Responsiveness {
  readonly name: string;
  readonly elapsedMs: number;
  /** NaN for a target that cannot carry the probe. */
  readonly longestTurnMs: number;
  /** The same without waiting for a processor; NaN as above. */
  readonly longestOwnTurnMs: number;
  /** Most processor time of a turn; NaN as above. */
  readonly longestCpuTurnMs: number;
  readonly longestPingMs: number;
  readonly pings: number;
}

const UNPROBED = { longestTurnMs: NaN, longestOwnTurnMs: NaN, longestCpuTurnMs: NaN };

/** Runs `work`, pings from a session of its own meanwhile, and reads the probe afterwards. */
export async function watchTurns(
  target: TargetUnderTest,
  name: string,
  work: () => Promise<unknown>,
): Promise<Responsiveness> {
  const probed = target.kind === 'lunbox';
  if (probed) await readTurnProbe(target);
  const pinger = await Initiator.connect({ ...target, isid: 0xb1 });
  await settle(pinger);
  let done = false;
  const startedAt = performance.now();
  const working = work().finally(() => (done = true));
  let longestPingMs = 0;
  let pings = 0;
  do {
    longestPingMs = Math.max(longestPingMs, await pinger.ping());
    pings++;
    await new Promise((resolve) => setTimeout(resolve, 10));
  } while (!done);
  await working;
  const elapsedMs = performance.now() - startedAt;
  const { longestTurnMs, longestOwnTurnMs, longestCpuTurnMs } = probed
    ? await readTurnProbe(target)
    : UNPROBED;
  await pinger.logout();
  return { name, elapsedMs, longestTurnMs, longestOwnTurnMs, longestCpuTurnMs, longestPingMs, pings };
}

/**
 * WRITE SAME(16) over the whole disk (SBC-4 5.47), in as few commands as the unit's MAXIMUM WRITE SAME LENGTH
 * allows; with a pattern, or with the UNMAP bit.
 */
export async function writeSameWholeDisk(
  target: TargetUnderTest,
  mode: 'pattern' | 'unmap',
): Promise<number> {
  const initiator = await Initiator.connect({ ...target, isid: 0xb2 });
  await settle(initiator);
  const { blockSize, blockCount } = await readCapacity(initiator);
  const limits = await initiator.command([0x12, 1, 0xb0, 0, 64, 0], 64);
  const limit = Number(limits.readBigUInt64BE(36)) || 0xffffffff;
  const task = new Task();
  task.direction = 'write';
  task.lengthBytes = blockSize;
  task.data = Buffer.alloc(blockSize, mode === 'pattern' ? 0x5a : 0);
  let commands = 0;
  for (let lba = 0; lba < blockCount; lba += limit) {
    task.cdb[0] = 0x93;
    task.cdb[1] = mode === 'unmap' ? 0x08 : 0;
    task.cdb.writeBigUInt64BE(BigInt(lba), 2);
    task.cdb.writeUInt32BE(Math.min(limit, blockCount - lba), 10);
    await initiator.execute(task);
    if (task.status !== 0) throw new CommandError(task);
    commands++;
  }
  await initiator.logout();
  return commands;
}

/** The lines of the report. */
export function formatResponsiveness(results: readonly Responsiveness[]): string {
  const line = (result: Responsiveness): string => {
    const turn = milliseconds(result.longestTurnMs);
    const own = milliseconds(result.longestOwnTurnMs);
    const processor = milliseconds(result.longestCpuTurnMs);
    const ping = `${result.longestPingMs.toFixed(1)} ms of ${result.pings}`;
    return `${result.name.padEnd(42)}${turn.padStart(12)}${own.padStart(11)}${processor.padStart(11)}${ping.padStart(22)}${(result.elapsedMs / 1000).toFixed(2).padStart(9)} s`;
  };
  return [
    `${''.padEnd(42)}${'longest turn'.padStart(12)}${'its own'.padStart(11)}${'its CPU'.padStart(11)}${'longest ping'.padStart(22)}${'took'.padStart(11)}`,
    ...results.map(line),
  ].join('\n');
}

function milliseconds(value: number): string {
  return Number.isNaN(value) ? '-' : `${value.toFixed(1)} ms`;
}

/** Pings of the load's own first session, for the same report. */
export function longestOf(result: Pick<LoadResult, 'longestPingMs'>, seen: Responsiveness): Responsiveness {
  return { ...seen, longestPingMs: Math.max(seen.longestPingMs, result.longestPingMs) };
}
