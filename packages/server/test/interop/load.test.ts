import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureMemory } from '../../bench/memory.ts';
import { watchTurns, writeSameWholeDisk } from '../../bench/responsiveness.ts';
import { generate } from '../../bench/throughput.ts';
import { probeFlags } from '../../bench/turn-probe.ts';
import { requiresTools } from '../support/requires.ts';
import { startTarget, targetKindUnderTest } from '../support/start-target.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const kind = targetKindUnderTest();
const ready = kind === 'lunbox' || requiresTools('tgtd', 'tgtadm');

/**
 * Bounds for a busy machine: they catch a loop that stalls or memory that grows, not a slow day.
 * `npm run bench` measures against the real ones.
 */
const longestTurnMs = 150;
const longestPingMs = 1000;
const growthBytes = 400 << 20;

describe.skipIf(!ready)('under load', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;

  beforeAll(async () => {
    directory = makeTempDirectory('load');
    const nodeFlags = kind === 'lunbox' ? probeFlags : [];
    target = await startTarget(kind, { directory: directory.path, sizeBytes: 256 << 20, nodeFlags });
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  it.each([
    ['read', 4096, 32],
    ['write', 4096, 32],
    ['read', 262_144, 8],
    ['write', 262_144, 8],
  ] as const)('%s of %i bytes at depth %i: the event loop turns and pings are answered', async (...load) => {
    const [direction, ioBytes, depth] = load;
    const workload = { direction, ioBytes, depth, pattern: 'random', durationMs: 800 } as const;
    const seen = await watchTurns(target, direction, async () => {
      const result = await generate(target, workload);
      expect(result.counted).toBeGreaterThan(100);
    });
    expect(seen.pings).toBeGreaterThan(5);
    expect(seen.longestPingMs).toBeLessThan(longestPingMs);
    if (kind === 'lunbox') expect(seen.longestTurnMs).toBeLessThan(longestTurnMs);
  });

  it.each(['pattern', 'unmap'] as const)(
    'WRITE SAME of the whole disk (%s) does not stall the loop',
    async (mode) => {
      const seen = await watchTurns(target, mode, () => writeSameWholeDisk(target, mode));
      expect(seen.longestPingMs).toBeLessThan(longestPingMs);
      if (kind === 'lunbox') expect(seen.longestTurnMs).toBeLessThan(longestTurnMs);
    },
  );

  it('32 sessions at depth 32 are all served, and memory stays bounded', async () => {
    const report = await measureMemory(target, { sessions: 32, depth: 32, durationMs: 500 });
    expect(report.peakBytes - report.idleBytes).toBeLessThan(growthBytes);
    expect(target.running()).toBe(true);
  }, 60_000);
});
