import type { Clock, Random } from '@lunbox/block';
import { randomBelow, type SimulatedClock } from '@lunbox/block';
import type { ClientLink, Dial, NbsEngine, NbsTransport, NbsConnection } from '../../src/index.ts';

/** One end of a connection. Bytes reach the other end later, in pieces, in order, or never. */
class SimulatedTransport implements NbsTransport {
  readonly peer = 'simulated';
  backlogBytes = 0;
  /** What gets the bytes. */
  deliver: (chunk: Uint8Array) => void = () => undefined;
  onEnd: () => void = () => undefined;
  drained: () => void = () => undefined;
  other: SimulatedTransport | undefined;
  /** Loses everything that is sent from now on, and says nothing. */
  deaf = false;
  #ended = false;
  #paused = false;
  #arrived: Uint8Array[] = [];
  #lastMs = 0;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get ended(): boolean {
    return this.#ended;
  }

  send(pieces: readonly Uint8Array[], done: () => void = () => undefined): void {
    const bytes = Uint8Array.from(Buffer.concat(pieces));
    this.#later(() => {
      // On a real socket, it could arrive as what it was changed to.
      if (!this.#ended && !Buffer.concat(pieces).equals(bytes))
        throw new Error('what was sent was changed before it had left');
      done();
    });
    if (this.#ended || this.deaf) return;
    this.backlogBytes += bytes.length;
    const cut = randomBelow(this.#random, bytes.length + 1);
    for (const chunk of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      if (chunk.length === 0) continue;
      this.#later(() => {
        this.backlogBytes -= chunk.length;
        this.other?.arrive(chunk);
        if (!this.#ended) this.drained();
      });
    }
  }

  defer(callback: () => void): void {
    this.#clock.setTimer(0, callback);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const chunk of arrived) this.arrive(chunk);
  }

  end(): void {
    this.#later(() => this.other?.cut());
    this.#ended = true;
  }

  destroy(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#clock.setTimer(randomBelow(this.#random, 20), () => this.other?.cut());
  }

  arrive(chunk: Uint8Array): void {
    if (this.#ended) return;
    if (this.#paused) this.#arrived.push(chunk);
    else this.deliver(chunk);
  }

  /** The connection is over, for this end. */
  cut(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
  }

  /** Later than all before it. */
  #later(work: () => void): void {
    const nowMs = this.#clock.nowMs();
    this.#lastMs = Math.max(this.#lastMs, nowMs + 1 + randomBelow(this.#random, 15));
    this.#clock.setTimer(this.#lastMs - nowMs, work);
  }
}

interface Pair {
  readonly client: SimulatedTransport;
  readonly server: SimulatedTransport;
}

/** A network on which connections break in every way. */
export class SimulatedNetwork {
  readonly #clock: SimulatedClock;
  readonly #random: Random;
  #pairs: Pair[] = [];
  /** The server that runs now; undefined while there is none. */
  engine: NbsEngine | undefined;

  constructor(clock: SimulatedClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A way to the server. */
  readonly dial: Dial = (link: ClientLink) =>
    new Promise((resolve, reject) => {
      this.#clock.setTimer(1 + randomBelow(this.#random, 10), () => {
        const client = new SimulatedTransport(this.#clock, this.#random);
        const server = new SimulatedTransport(this.#clock, this.#random);
        const connection = this.engine?.accept(server, this.#clock.nowMs());
        if (connection === undefined) {
          reject(new Error('refused'));
          return;
        }
        client.other = server;
        server.other = client;
        this.#pairs.push({ client, server });
        client.deliver = (chunk) => link.receive(chunk);
        client.onEnd = () => link.disconnected();
        this.#serve(server, connection);
        resolve(client);
      });
    });

  /** Something happens to one of the connections: it breaks for both ends, for one, or loses what is sent. */
  harm(): void {
    this.#pairs = this.#pairs.filter(({ client, server }) => !client.ended && !server.ended);
    if (this.#pairs.length === 0) return;
    const pair = this.#pairs[randomBelow(this.#random, this.#pairs.length)]!;
    const ends = [pair.client, pair.server];
    const end = ends[randomBelow(this.#random, 2)]!;
    const kind = randomBelow(this.#random, 4);
    if (kind === 0) for (const each of ends) each.cut();
    else if (kind === 1) end.cut();
    else if (kind === 2) end.deaf = true;
    else for (const each of ends) each.deaf = true;
  }

  /** The server is gone without a word. */
  crash(): void {
    this.engine = undefined;
    for (const { client, server } of this.#pairs.splice(0)) {
      server.deliver = () => undefined;
      server.onEnd = () => undefined;
      client.cut();
    }
  }

  #serve(server: SimulatedTransport, connection: NbsConnection): void {
    server.deliver = (chunk) => connection.receive(chunk, this.#clock.nowMs());
    server.onEnd = () => connection.disconnected();
    server.drained = () => connection.drained();
  }
}
