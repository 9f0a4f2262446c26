import type { Dice } from '../../../../iscsi-target/test/support/dice.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** What moves through a {@link Pipe} is looked at, and perhaps damaged, on its way. */
export interface PipeWatcher {
  /** Bytes leave the sender, which has had them since `givenMs`. Returns what the network makes of them. */
  left(bytes: Uint8Array, givenMs: number): Uint8Array;
  /** The receiver is about to get `lengthBytes` more. */
  arriving(lengthBytes: number): void;
}

/** The pace of one direction of a connection. */
export interface Pace {
  readonly latencyMs: number;
  readonly jitterMs: number;
}

/**
 * One direction of a byte stream: bytes wait with the sender, leave it, travel, and arrive in order, cut
 * anywhere. `done` comes when they leave: until then their memory is looked at, and not before.
 */
export class Pipe {
  /** Nothing that is on its way arrives any more, and nobody is told: the path is broken. */
  stalled = false;
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  readonly #pace: Pace;
  readonly #watcher: PipeWatcher;
  readonly #deliver: (chunk: Uint8Array) => void;
  #unsent: { segments: readonly Uint8Array[]; givenMs: number; done: () => void }[] = [];
  #arrived: Uint8Array[] = [];
  #flightEndMs = 0;
  #inFlight = 0;
  #paused = false;
  #cut = false;
  #onEmpty: (() => void) | undefined;

  constructor(
    time: SimulatedTime,
    dice: Dice,
    pace: Pace,
    watcher: PipeWatcher,
    deliver: (chunk: Uint8Array) => void,
  ) {
    this.#time = time;
    this.#dice = dice;
    this.#pace = pace;
    this.#watcher = watcher;
    this.#deliver = deliver;
  }

  send(segments: readonly Uint8Array[], done: () => void): void {
    this.#unsent.push({ segments, givenMs: this.#time.nowMs, done });
    if (this.#unsent.length === 1) this.#leaveSoon();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#arrived.length > 0) this.#time.after(0, () => this.#release());
  }

  /** Calls `then` when everything sent has arrived. */
  whenEmpty(then: () => void): void {
    this.#onEmpty = then;
    this.#checkEmpty();
  }

  /** The sender's end is gone: what has not left never does; what has may still arrive. */
  closeSender(): void {
    const unsent = this.#unsent;
    this.#unsent = [];
    // As with a socket that is destroyed: its writes call back with an error.
    for (const { done } of unsent) this.#time.after(0, done);
    this.#checkEmpty();
  }

  /** Nothing arrives any more. */
  closeReceiver(): void {
    this.#cut = true;
    this.#arrived = [];
  }

  /** Mostly at once; now and then the sender's buffer is full for a while. */
  #leaveSoon(): void {
    const full = this.#dice.chance(0.02);
    const delayMs = full ? 5 + this.#dice.below(60) : this.#dice.chance(0.8) ? 0 : this.#dice.below(3);
    this.#time.after(delayMs, () => this.#leave());
  }

  #leave(): void {
    const write = this.#unsent.shift();
    if (write === undefined) return;
    const bytes = this.#watcher.left(concat(write.segments), write.givenMs);
    const { latencyMs, jitterMs } = this.#pace;
    const arrivalMs = this.#time.nowMs + latencyMs + this.#dice.below(jitterMs + 1);
    this.#flightEndMs = Math.max(this.#flightEndMs, arrivalMs);
    this.#travel(bytes);
    if (this.#unsent.length > 0) this.#leaveSoon();
    write.done();
  }

  #travel(bytes: Uint8Array): void {
    const cut = this.#dice.chance(0.3) ? 1 + this.#dice.below(bytes.length) : bytes.length;
    this.#arriveLater(bytes.subarray(0, cut));
    if (cut === bytes.length) return;
    if (this.#dice.chance(0.5)) this.#flightEndMs += 1;
    this.#arriveLater(bytes.subarray(cut));
  }

  #arriveLater(chunk: Uint8Array): void {
    this.#inFlight++;
    this.#time.after(this.#flightEndMs - this.#time.nowMs, () => {
      this.#inFlight--;
      if (this.stalled || this.#cut) return;
      this.#arrived.push(chunk);
      this.#release();
    });
  }

  #release(): void {
    while (this.#arrived.length > 0 && !this.#paused && !this.#cut) {
      const chunk = this.#arrived.shift() as Uint8Array;
      this.#watcher.arriving(chunk.length);
      this.#deliver(chunk);
      // The receiver may use a chunk only during the call.
      chunk.fill(0xee);
    }
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    const empty = this.#unsent.length === 0 && this.#inFlight === 0 && this.#arrived.length === 0;
    if (!empty || this.#onEmpty === undefined || this.stalled) return;
    const then = this.#onEmpty;
    this.#onEmpty = undefined;
    then();
  }
}

function concat(segments: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const segment of segments) length += segment.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const segment of segments) {
    bytes.set(segment, at);
    at += segment.length;
  }
  return bytes;
}
