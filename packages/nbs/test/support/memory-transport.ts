import {
  Framer,
  Magic,
  statusName,
  type Header,
  type NbsTransport,
  type StatusName,
} from '../../src/index.ts';

/** A transport whose peer is the test: everything that is sent can be looked at. */
export class MemoryTransport implements NbsTransport {
  readonly peer = 'memory';
  backlogBytes = 0;
  ended = false;
  paused = false;
  /** The most that was handed over at once. */
  sentAtOnce = 0;
  readonly replies: Header[] = [];
  readonly #framer = new Framer(
    { onMessage: (header) => this.replies.push({ ...header }) },
    [Magic.REPLY, Magic.EVENT],
    1 << 21,
  );

  send(pieces: readonly Uint8Array[], done?: () => void): void {
    this.sentAtOnce = Math.max(
      this.sentAtOnce,
      pieces.reduce((sum, { length }) => sum + length, 0),
    );
    for (const piece of pieces) this.#framer.push(piece);
    done?.();
  }

  defer(callback: () => void): void {
    queueMicrotask(callback);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.ended = true;
  }

  /** The statuses of what came back. */
  get statuses(): StatusName[] {
    return this.replies.map(({ status }) => statusName(status));
  }
}
