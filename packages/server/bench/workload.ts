import { readCapacity, settle } from './disk.ts';
import { Initiator } from './initiator.ts';
import { CommandError, Task } from './task.ts';

/** One load: what is done, how large, how deep. */
export interface Workload {
  readonly direction: 'read' | 'write';
  readonly pattern: 'random' | 'sequential';
  readonly ioBytes: number;
  /** Commands in flight per session. */
  readonly depth: number;
  /** Default 1. */
  readonly sessions?: number;
  readonly durationMs: number;
  /** Runs before anything is counted. Default 300. */
  readonly warmupMs?: number;
  /** A NOP-Out ping goes out this often on the first session; 0 is never. Default 0. */
  readonly pingIntervalMs?: number;
  /** With CRC32C digests of headers and data. Default false. */
  readonly digests?: boolean;
  /** Stop after one pass over the disk (fills it, or warms the page cache). */
  readonly onePass?: boolean;
}

/** Which LUN gets the load. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  readonly iqn: string;
  readonly lun: number;
}

/** What came out. */
export interface LoadResult {
  /** Commands completed while counting. */
  readonly counted: number;
  /** Commands completed in all, warm-up included: what the target's processor time was spent on. */
  readonly total: number;
  readonly perSecond: number;
  readonly megabytesPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Longest round trip of a ping; 0 without pings. */
  readonly longestPingMs: number;
  readonly pings: number;
}

const latencySamples = 1 << 18;

/** Runs a load and measures it. */
export async function runWorkload(target: LoadTarget, workload: Workload): Promise<LoadResult> {
  const initiators: Initiator[] = [];
  for (let session = 1; session <= (workload.sessions ?? 1); session++) {
    const initiator = await Initiator.connect({
      ...target,
      isid: session,
      digests: workload.digests ?? false,
    });
    await settle(initiator);
    initiators.push(initiator);
  }
  const [first] = initiators;
  if (!first) throw new Error('a load needs at least one session');
  const { blockSize, blockCount } = await readCapacity(first);
  const load = new Load(workload, blockSize, blockCount);
  const pinging = pingEvery(first, workload.pingIntervalMs ?? 0, () => load.running);
  await Promise.race([load.run(initiators), ...initiators.map(endsOnlyByFailure)]);
  const pings = await pinging;
  for (const initiator of initiators) await initiator.logout();
  return { ...load.result(), ...pings };
}

async function endsOnlyByFailure(initiator: Initiator): Promise<never> {
  throw (await initiator.closed) ?? new Error('logged out under load');
}

async function pingEvery(
  initiator: Initiator,
  intervalMs: number,
  goOn: () => boolean,
): Promise<{ longestPingMs: number; pings: number }> {
  let longestPingMs = 0;
  let pings = 0;
  while (intervalMs > 0 && goOn()) {
    longestPingMs = Math.max(longestPingMs, await initiator.ping());
    pings++;
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  return { longestPingMs, pings };
}

/** Keeps every queue slot busy and counts. */
class Load {
  readonly #workload: Workload;
  readonly #blocksPerIo: number;
  readonly #ioCount: number;
  readonly #payload: Buffer;
  readonly #latencies: Float64Array = new Float64Array(latencySamples);
  #next = 0;
  #random = 0x9e3779b9;
  #total = 0;
  #counted = 0;
  #inFlight = 0;
  #startedAt = 0;
  #elapsedMs = 0;
  #stopping = false;
  #finish: (error?: Error) => void = () => undefined;

  constructor(workload: Workload, blockSize: number, blockCount: number) {
    this.#workload = workload;
    this.#blocksPerIo = workload.ioBytes / blockSize;
    this.#ioCount = Math.floor(blockCount / this.#blocksPerIo);
    this.#payload = Buffer.alloc(workload.ioBytes, 0xa5);
  }

  running = true;

  run(initiators: readonly Initiator[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#finish = (error) => {
        this.running = false;
        if (error) reject(error);
        else resolve();
      };
      const { warmupMs = 300, durationMs, depth, onePass } = this.#workload;
      if (!onePass) setTimeout(() => this.#startCounting(durationMs), warmupMs);
      else this.#startedAt = performance.now();
      for (const initiator of initiators) {
        for (let slot = 0; slot < depth; slot++) this.#startSlot(initiator);
      }
    });
  }

  result(): Pick<LoadResult, 'counted' | 'total' | 'perSecond' | 'megabytesPerSecond' | 'latencyMs'> {
    const perSecond = (this.#counted / this.#elapsedMs) * 1000;
    const sorted = this.#latencies.subarray(0, Math.min(this.#counted, latencySamples)).sort();
    const quantile = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    return {
      counted: this.#counted,
      total: this.#total,
      perSecond,
      megabytesPerSecond: (perSecond * this.#workload.ioBytes) / 1e6,
      latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
    };
  }

  #startCounting(durationMs: number): void {
    this.#counted = 0;
    this.#startedAt = performance.now();
    setTimeout(() => this.#stop(), durationMs);
  }

  #stop(): void {
    this.#stopping = true;
    this.#elapsedMs = performance.now() - this.#startedAt;
  }

  #startSlot(initiator: Initiator): void {
    const task = new Task((done) => this.#completed(initiator, done));
    if (this.#workload.direction === 'write') task.data = this.#payload;
    this.#inFlight++;
    this.#submit(initiator, task);
  }

  #submit(initiator: Initiator, task: Task): void {
    const { direction, ioBytes } = this.#workload;
    task.setTransfer(direction, this.#pick() * this.#blocksPerIo, this.#blocksPerIo, ioBytes);
    initiator.submit(task);
  }

  #pick(): number {
    if (this.#workload.pattern === 'sequential') {
      const index = this.#next++;
      if (this.#workload.onePass && this.#next >= this.#ioCount && !this.#stopping) this.#stop();
      return index % this.#ioCount;
    }
    // xorshift32: the same places in every run, on either target.
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) % this.#ioCount;
  }

  #completed(initiator: Initiator, task: Task): void {
    if (task.status !== 0 || task.response !== 0) {
      this.#finish(new CommandError(task));
      return;
    }
    this.#total++;
    if (this.#stopping) {
      if (--this.#inFlight === 0) this.#finish();
      return;
    }
    this.#latencies[this.#counted++ % latencySamples] = performance.now() - task.submittedAt;
    this.#submit(initiator, task);
  }
}
