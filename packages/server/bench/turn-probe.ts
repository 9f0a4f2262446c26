import { fileURLToPath } from 'node:url';
import type { TargetUnderTest } from '../test/support/target-under-test.ts';

/** Flags of Node that put the probe into a Lunbox process. */
export const probeFlags: readonly string[] = [
  '--import',
  fileURLToPath(new URL('turn-probe.mjs', import.meta.url)),
];

/** What the probe saw since it was read last. */
export interface TurnReport {
  /** Longest time the event loop was kept from its next turn; includes the timer's own 1 ms. */
  readonly longestTurnMs: number;
  /** The same without the time in which the loop could have run and other processes had the processors. */
  readonly longestOwnTurnMs: number;
  /** Most processor time between two turns. */
  readonly longestCpuTurnMs: number;
  readonly p99TurnMs: number;
  readonly memory: { readonly rss: number; readonly heapUsed: number; readonly arrayBuffers: number };
}

/** Reads the probe and starts it anew. */
export async function readTurnProbe(target: TargetUnderTest): Promise<TurnReport> {
  const reports = (): string[] =>
    target
      .log()
      .split('\n')
      .filter((line) => line.includes('"turn-probe"'));
  const before = reports().length;
  process.kill(target.pid, 'SIGUSR2');
  for (let waited = 0; waited < 5000; waited += 5) {
    const lines = reports();
    if (lines.length > before) return JSON.parse(lines.at(-1) ?? '{}') as TurnReport;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('the probe does not answer: the event loop is stuck or the process has ended');
}
