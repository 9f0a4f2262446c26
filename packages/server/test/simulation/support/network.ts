import type { Channel, ChannelEvents, Dial, Portal } from '@lunbox/iscsi-initiator';
import type { TargetEngine } from '@lunbox/iscsi-target';
import type { Dice } from '../../../../iscsi-target/test/support/dice.ts';
import { ConnectionWatch, type WireSessions } from './connection-watch.ts';
import { castFate, NO_FATE, type Fate, type Weather } from './fate.ts';
import { Link } from './link.ts';
import type { Pace } from './pipe.ts';
import type { SimulatedTime } from './simulated-time.ts';
import type { WireLog } from './wire-log.ts';

/** How fast the network is at best, and how uneven. */
export interface NetworkPace {
  readonly maxLatencyMs: number;
  readonly maxJitterMs: number;
}

/** Joins initiators to a target by links to which things happen. */
export class Network {
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  readonly #engine: TargetEngine;
  readonly #pace: NetworkPace;
  readonly #weather: Weather;
  readonly #log: WireLog;
  readonly #sessions: WireSessions;
  #links: Link[] = [];
  #healed = false;
  #staleLogins = 0;

  constructor(
    time: SimulatedTime,
    dice: Dice,
    engine: TargetEngine,
    log: WireLog,
    settings: { readonly pace: NetworkPace; readonly weather: Weather; readonly queueDepth: number },
  ) {
    this.#time = time;
    this.#dice = dice;
    this.#engine = engine;
    this.#pace = settings.pace;
    this.#weather = settings.weather;
    this.#log = log;
    const { queueDepth } = settings;
    const loggedIn = (): undefined => undefined;
    this.#sessions = { log, queueDepth, byTsih: new Map(), entering: new Set(), loggedIn };
  }

  /** Connects an initiator; later, never during the call. */
  readonly dial: Dial = (portal, events) => {
    const fate = this.#healed ? NO_FATE : castFate(this.#dice, this.#weather);
    const sessions: WireSessions = {
      ...this.#sessions,
      loggedIn: (_watch, requests) => {
        if (fate.kind === 'stale-login') this.#playAgain(portal, requests);
      },
    };
    return this.#link(portal, events, fate, sessions).channel;
  };

  /** From now on nothing new happens; what has happened stays. */
  heal(): void {
    this.#healed = true;
    for (const link of this.#links) link.spare();
  }

  /** Stale logins that are on their way, or have not ended yet. */
  get staleLogins(): number {
    return this.#staleLogins;
  }

  /** Ends every link that one of its ends still believes in. */
  sever(): void {
    for (const link of this.#links) link.sever();
  }

  /** Links that one of their ends still believes in. */
  get openLinks(): number {
    return this.#links.filter(({ open }) => open).length;
  }

  /** A login that went through comes once more, from nowhere, and nobody speaks after it. */
  #playAgain(portal: Portal, requests: readonly Uint8Array[]): void {
    const stale = requests.map((bytes) => bytes.slice());
    this.#time.after(this.#dice.below(200), () => {
      if (this.#healed) return;
      this.#log.note(this.#log.links + 1, '-- a stale login comes again --');
      const events: ChannelEvents = {
        opened: () => {
          for (const bytes of stale) channel.send([bytes], () => undefined);
        },
        received: () => undefined,
        closed: () => undefined,
      };
      const link = this.#link(portal, events, NO_FATE, this.#sessions);
      const channel: Channel = link.channel;
      this.#staleLogins++;
      this.#time.after(50 + this.#dice.below(1000), () => {
        this.#staleLogins--;
        link.sever();
      });
    });
  }

  #link(portal: Portal, events: ChannelEvents, fate: Fate, sessions: WireSessions): Link {
    this.#links = this.#links.filter(({ open }) => open);
    const link = new Link({
      time: this.#time,
      dice: this.#dice,
      engine: this.#engine,
      portal,
      pace: { toTarget: this.#newPace(), toInitiator: this.#newPace() },
      fate,
      watch: new ConnectionWatch(sessions),
      events,
    });
    this.#links.push(link);
    return link;
  }

  #newPace(): Pace {
    const { maxLatencyMs, maxJitterMs } = this.#pace;
    return {
      latencyMs: this.#dice.below(maxLatencyMs + 1),
      jitterMs: this.#dice.below(maxJitterMs + 1),
    };
  }
}
