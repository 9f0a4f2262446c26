import type { Clock } from '@lunbox/block';

interface Event {
  readonly dueMs: number;
  /** Events of one moment happen in the order in which they were planned. */
  readonly order: number;
  action: (() => void) | undefined;
}

/** Time that moves only from one planned event to the next. */
export class SimulatedTime {
  nowMs = 0;
  /** Events that have happened. */
  count = 0;
  readonly #heap: Event[] = [];
  #planned = 0;

  /** Plans an event. Returns how to call it off. */
  after(delayMs: number, action: () => void): () => void {
    const event: Event = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.#planned++, action };
    this.#push(event);
    return () => (event.action = undefined);
  }

  /** The next event is a later one. */
  get timeMoves(): boolean {
    return (this.#heap[0]?.dueMs ?? Infinity) > this.nowMs;
  }

  /** The next event happens; false when there is none. */
  step(): boolean {
    for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
      const { action } = event;
      if (action === undefined) continue;
      this.nowMs = event.dueMs;
      this.count++;
      action();
      return true;
    }
    return false;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!earlier(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!earlier(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** The clock of one engine, which counts the timers that it leaves open. */
export class SimulatedEngineClock implements Clock {
  openTimers = 0;
  readonly #time: SimulatedTime;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#time.nowMs;
  }

  unixMs(): number {
    return 1_700_000_000_000 + Math.floor(this.#time.nowMs);
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.openTimers++;
    let open = true;
    const close = (): void => {
      if (open) this.openTimers--;
      open = false;
    };
    const cancel = this.#time.after(delayMs, () => {
      close();
      callback();
    });
    return () => {
      close();
      cancel();
    };
  }
}

/** Lets promises run on for a while, and nothing else. Deterministic: always the same number of turns. */
export async function microtasks(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}
