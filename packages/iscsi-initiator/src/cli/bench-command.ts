import { randomBelow, systemRandom } from '@lunbox/block';
import { openDisk, type CommandLine } from './command-line.ts';

/** `bench`: random reads of one length at a constant depth, and how many a second there were. */
export async function bench(line: CommandLine): Promise<void> {
  const disk = await openDisk(line);
  try {
    const places = Math.floor(disk.size / line.block);
    const startMs = performance.now();
    const untilMs = startMs + line.seconds * 1000;
    const latenciesMs: number[] = [];
    const reader = async (): Promise<void> => {
      const buffer = new Uint8Array(line.block);
      for (let nowMs = performance.now(); nowMs < untilMs;) {
        await disk.read([buffer], randomBelow(systemRandom, places) * line.block);
        const endMs = performance.now();
        latenciesMs.push(endMs - nowMs);
        nowMs = endMs;
      }
    };
    await Promise.all(Array.from({ length: line.depth }, reader));
    report(latenciesMs, (performance.now() - startMs) / 1000, line.block);
  } finally {
    await disk.close();
  }
}

function report(latenciesMs: number[], seconds: number, blockBytes: number): void {
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): string =>
    (latenciesMs[Math.floor(share * (latenciesMs.length - 1))] ?? 0).toFixed(3);
  const perSecond = latenciesMs.length / seconds;
  console.log(`${Math.round(perSecond)} reads/s, ${((perSecond * blockBytes) / 1e6).toFixed(1)} MB/s`);
  console.log(`latency in ms: median ${at(0.5)}, 99% ${at(0.99)}, most ${at(1)}`);
}
