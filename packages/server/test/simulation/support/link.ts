import type { Channel, ChannelEvents, Portal } from '@lunbox/iscsi-initiator';
import type { Endpoint, TargetConnection, TargetEngine, Transport } from '@lunbox/iscsi-target';
import type { Dice } from '../../../../iscsi-target/test/support/dice.ts';
import type { Fate } from './fate.ts';
import { Pipe, type Pace } from './pipe.ts';
import type { SimulatedTime } from './simulated-time.ts';
import type { ConnectionWatch } from './connection-watch.ts';

/** Where a link lies. */
export interface LinkOptions {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly engine: TargetEngine;
  readonly portal: Portal;
  readonly pace: { readonly toTarget: Pace; readonly toInitiator: Pace };
  readonly fate: Fate;
  readonly watch: ConnectionWatch;
  /** The initiator's end; a recorded login that is played again has none that matters. */
  readonly events: ChannelEvents;
}

/** One connection through the simulated network, with whatever happens to it. */
export class Link {
  readonly watch: ConnectionWatch;
  readonly #options: LinkOptions;
  readonly #toTarget: Pipe;
  readonly #toInitiator: Pipe;
  #target: TargetConnection | undefined;
  #initiatorOpen = true;
  #targetOpen = false;
  #fateBytes: number;
  #struck = false;

  constructor(options: LinkOptions) {
    const { time, dice, pace, watch, fate } = options;
    this.#options = options;
    this.watch = watch;
    this.#fateBytes = fate.afterBytes;
    this.#toTarget = new Pipe(
      time,
      dice,
      pace.toTarget,
      {
        left: (bytes) => this.#travels(watch.requestsLeave(bytes), bytes),
        arriving: (lengthBytes) => watch.requestsArrive(lengthBytes),
      },
      (chunk) => this.#targetReceives(chunk),
    );
    this.#toInitiator = new Pipe(
      time,
      dice,
      pace.toInitiator,
      {
        left: (bytes, givenMs) => this.#travels(watch.responsesLeave(bytes, givenMs), bytes),
        arriving: (lengthBytes) => watch.responsesArrive(lengthBytes),
      },
      (chunk) => this.#initiatorReceives(chunk),
    );
    time.after(pace.toTarget.latencyMs, () => this.#connect());
  }

  /** True while one of the ends believes in it. */
  get open(): boolean {
    return this.#initiatorOpen || this.#targetOpen;
  }

  /** The initiator's end. */
  get channel(): Channel {
    return {
      send: (segments, done) => this.#toTarget.send(segments, done),
      defer: (callback) => void this.#options.time.after(0, callback),
      end: () => this.#initiatorEnds(true),
      destroy: () => this.#initiatorEnds(false),
    };
  }

  /** What has not struck yet never will; what has stays as it is. */
  spare(): void {
    this.#fateBytes = Infinity;
  }

  /** The connection breaks, and both ends hear of it at once. */
  sever(): void {
    this.watch.excuse('severed');
    this.#tellTarget();
    this.#tellInitiator();
  }

  #connect(): void {
    const { engine, time, pace, fate } = this.#options;
    if (fate.kind === 'refused') {
      this.#initiatorOpen = false;
      this.#options.events.closed(new Error('refused by the network'));
      return;
    }
    if (!this.#initiatorOpen) return;
    this.#target = engine.accept(this.#transport(), time.nowMs);
    if (this.#target === undefined) return this.#tellInitiator();
    this.#targetOpen = true;
    time.after(pace.toInitiator.latencyMs, () => {
      if (this.#initiatorOpen) this.#options.events.opened();
    });
  }

  #transport(): Transport {
    const { portal, time } = this.#options;
    const local: Endpoint = { address: portal.host, port: portal.port };
    return {
      local,
      remote: { address: '192.0.2.7', port: 50_000 },
      send: (segments, done) => this.#toInitiator.send(segments, done),
      defer: (callback) => void time.after(0, callback),
      pause: () => this.#toTarget.pause(),
      resume: () => this.#toTarget.resume(),
      end: () => this.#targetEnds(true),
      destroy: () => this.#targetEnds(false),
    };
  }

  #targetReceives(chunk: Uint8Array): void {
    if (this.#targetOpen) this.#target?.receive(chunk, this.#options.time.nowMs);
  }

  #initiatorReceives(chunk: Uint8Array): void {
    if (this.#initiatorOpen) this.#options.events.received(chunk);
  }

  /** Bytes are on their way: now something may happen to them, or to the connection. */
  #travels(frames: ReturnType<ConnectionWatch['requestsLeave']>, bytes: Uint8Array): Uint8Array {
    this.#fateBytes -= bytes.length;
    if (this.#fateBytes > 0) return bytes;
    const { fate, dice } = this.#options;
    if (fate.kind === 'corrupt') {
      if (this.watch.damage(frames, bytes, dice))
        this.#fateBytes = fate.again ? dice.below(10_000) : Infinity;
      return bytes;
    }
    if (!this.#struck) this.#strike();
    return bytes;
  }

  #strike(): void {
    this.#struck = true;
    const { fate, time } = this.#options;
    this.watch.struck(fate.kind);
    const { toTarget, toInitiator, targetHearsAfterMs, initiatorHearsAfterMs } = fate;
    if (toTarget) this.#toTarget.stalled = true;
    if (toInitiator) this.#toInitiator.stalled = true;
    if (targetHearsAfterMs !== undefined) time.after(targetHearsAfterMs, () => this.#tellTarget());
    if (initiatorHearsAfterMs !== undefined) time.after(initiatorHearsAfterMs, () => this.#tellInitiator());
  }

  #tellTarget(): void {
    if (!this.#targetOpen) return;
    this.#closeTarget();
    this.#target?.disconnected();
  }

  #tellInitiator(): void {
    if (!this.#initiatorOpen) return;
    this.#closeInitiator();
    this.#options.events.closed();
  }

  /** The initiator closes its end: orderly after what it sent, or with a reset that overtakes nothing. */
  #initiatorEnds(orderly: boolean): void {
    if (!this.#initiatorOpen) return;
    this.watch.initiatorEnded(orderly);
    const { events, time, pace } = this.#options;
    if (orderly) {
      this.#toTarget.whenEmpty(() => time.after(0, () => this.#tellTarget()));
      time.after(pace.toInitiator.latencyMs + 1000, () => this.#tellInitiator());
      return;
    }
    this.#closeInitiator();
    time.after(0, () => events.closed());
    this.#toTarget.whenEmpty(() => time.after(0, () => this.#tellTarget()));
  }

  #targetEnds(orderly: boolean): void {
    if (!this.#targetOpen) return;
    if (orderly) {
      this.#toInitiator.whenEmpty(() => {
        this.watch.targetEnded(orderly);
        this.#closeTarget();
        this.#tellInitiator();
      });
      return;
    }
    this.watch.targetEnded(orderly);
    this.#closeTarget();
    this.#toInitiator.whenEmpty(() => this.#options.time.after(0, () => this.#tellInitiator()));
  }

  #closeTarget(): void {
    this.#targetOpen = false;
    this.#toTarget.closeReceiver();
    this.#toInitiator.closeSender();
  }

  #closeInitiator(): void {
    this.#initiatorOpen = false;
    this.#toInitiator.closeReceiver();
    this.#toTarget.closeSender();
  }
}
