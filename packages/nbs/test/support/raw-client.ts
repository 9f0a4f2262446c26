import { SeededRandom, SimulatedClock } from '@lunbox/block';
import {
  blankHeader,
  encodeFields,
  encodeMessage,
  Magic,
  NbsEngine,
  nodeSaslCrypto,
  Opcode,
  type Fields,
  type Header,
  type NbsEngineOptions,
  type OpcodeName,
  type NbsConnection,
} from '../../src/index.ts';
import { MemoryTransport } from './memory-transport.ts';
import { oneDisk } from './memory-service.ts';

/** An engine, and the peer of one connection that sends whatever it likes. */
export class RawClient {
  readonly transport = new MemoryTransport();
  readonly clock: SimulatedClock = new SimulatedClock();
  readonly internalErrors: unknown[] = [];
  readonly engine: NbsEngine;
  readonly connection: NbsConnection;
  #cookie = 0;

  constructor(options: Partial<NbsEngineOptions> = {}) {
    this.engine = new NbsEngine({
      service: oneDisk(),
      authentication: { crypto: nodeSaslCrypto, anonymous: true },
      clock: this.clock,
      random: new SeededRandom(1),
      onInternalError: (error) => this.internalErrors.push(error),
      ...options,
    });
    const connection = this.engine.accept(this.transport, 0);
    if (connection === undefined) throw new Error('not accepted');
    this.connection = connection;
  }

  /** Sends a request, and waits for what it gives rise to. */
  async send(name: OpcodeName, header: Partial<Header> = {}, payload?: Fields | Uint8Array): Promise<void> {
    const bytes = payload instanceof Uint8Array || payload === undefined ? payload : encodeFields(payload);
    this.#cookie++;
    const whole = { ...blankHeader(Magic.REQUEST, Opcode[name]), cookieLow: this.#cookie, ...header };
    this.connection.receive(encodeMessage(whole, bytes, false), this.clock.nowMs());
    await settled();
  }

  /** HELLO and AUTH, and the object open under the handle 1. */
  async open(): Promise<void> {
    await this.send('HELLO', {}, { versionMin: 1, versionMax: 1, clientId: '0'.repeat(32) });
    await this.send('AUTH', {}, { mechanism: ['ANONYMOUS'], saslData: new Uint8Array(0) });
    await this.send('OPEN', {}, { name: 'disk' });
    this.transport.replies.length = 0;
  }
}

/** Promises that can go on do. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
