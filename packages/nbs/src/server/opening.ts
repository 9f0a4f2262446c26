import { HEADER_VERSION } from '../codec/header.ts';
import type { Fields } from '../codec/tlv.ts';
import type { NbsTransport } from '../transport.ts';
import { Mechanisms, type NbsAuthentication } from './authentication.ts';
import type { EngineCore } from './engine-core.ts';
import type { GuessBrake } from './guess-brake.ts';
import type { ServerRequest } from './request.ts';
import { NbsRefusal } from './service.ts';
import type { ServerSession } from './session.ts';

/** What the opening of a connection needs of the server. */
export interface Opener {
  readonly core: EngineCore;
  readonly authentication: NbsAuthentication;
  readonly decoySecret: Uint8Array;
  readonly brake: GuessBrake;
  readonly portals: Fields['portal'];
  /** Makes a session. Throws a {@link NbsRefusal} `LIMIT`. */
  newSession(user: string | undefined, peer: string): ServerSession;
  /** The session of this identity and secret that may go on; throws a {@link NbsRefusal} `SESSION_LOST`. */
  resume(id: string, secret: Uint8Array): Promise<ServerSession>;
}

/** What the opening has come to. */
export interface Opened {
  readonly fields: Fields;
  /** The session, when it is there. */
  readonly session?: ServerSession;
}

/** A connection before its session: HELLO, then AUTH until it is known who the client is. */
export class Opening {
  readonly #opener: Opener;
  readonly #transport: NbsTransport;
  readonly #mechanisms: Mechanisms;
  #exchange: ReturnType<Mechanisms['begin']>;
  #greeted = false;
  /** Payloads have digests from the answer to HELLO on. */
  digest = false;

  constructor(opener: Opener, transport: NbsTransport) {
    this.#opener = opener;
    this.#transport = transport;
    this.#mechanisms = new Mechanisms(opener.authentication, transport, opener.decoySecret);
  }

  /** HELLO. Throws a {@link NbsRefusal}. */
  async hello({ fields }: ServerRequest): Promise<Opened> {
    if (this.#greeted) throw new NbsRefusal('PROTO', 'HELLO comes once');
    this.#greeted = true;
    const { versionMin, versionMax, sessionId, resumeSecret } = fields;
    if (versionMin! > HEADER_VERSION || versionMax! < HEADER_VERSION)
      throw new NbsRefusal('VERSION', `this server speaks version ${HEADER_VERSION}`);
    this.digest = fields.digest === true;
    const { core, portals } = this.#opener;
    const { limits, serverId, serverName } = core;
    const { maxPayloadBytes, maxInFlight, windowBytes, keepaliveMs, lossTimeoutMs } = limits;
    const told: Fields = {
      version: HEADER_VERSION,
      ...{ serverId, serverName, maxPayloadBytes, maxInFlight, windowBytes, keepaliveMs, lossTimeoutMs },
      ...(this.digest ? { digest: true } : {}),
      ...(portals === undefined ? {} : { portal: portals }),
    };
    if (sessionId === undefined) return { fields: { ...told, mechanism: this.#mechanisms.names } };
    const session = await this.#opener.resume(sessionId, resumeSecret ?? new Uint8Array(0));
    return { fields: { ...told, resumed: true }, session };
  }

  /** AUTH. Throws a {@link NbsRefusal}. */
  authenticate({ fields }: ServerRequest): Opened {
    if (!this.#greeted) throw new NbsRefusal('PROTO', 'HELLO comes first');
    if (this.#exchange === undefined) {
      this.#exchange = this.#mechanisms.begin(fields.mechanism?.[0] ?? '');
      if (this.#exchange === undefined)
        throw new NbsRefusal('AUTH_FAILED', `name one of ${this.#mechanisms.names.join(', ')}`);
    }
    const outcome = this.#exchange.step(fields.saslData!);
    this.#brake(outcome.kind, this.#exchange.claimed ?? '');
    if (outcome.kind === 'failed') throw new NbsRefusal('AUTH_FAILED', 'name or proof is wrong');
    if (outcome.kind === 'challenge') return { fields: { saslData: outcome.data } };
    const session = this.#opener.newSession(outcome.user, this.#transport.peer);
    const user = outcome.user === undefined ? {} : { user: outcome.user };
    const { id: sessionId, secret: resumeSecret } = session;
    return { fields: { saslData: outcome.data, done: true, ...user, sessionId, resumeSecret }, session };
  }

  /** Who has guessed too often hears nothing of whether this guess is right. Throws a {@link NbsRefusal}. */
  #brake(outcome: 'challenge' | 'done' | 'failed', name: string): void {
    const { brake, core } = this.#opener;
    const { address } = this.#transport;
    // By a UNIX socket only programs of this machine come, all from one place.
    if (address === undefined) return;
    const nowMs = core.clock.nowMs();
    const retryAfterMs = brake.waitMs(address, name, nowMs);
    if (retryAfterMs > 0)
      throw new NbsRefusal('AUTH_FAILED', 'too many proofs were wrong; wait before the next one', {
        retryAfterMs,
      });
    if (outcome === 'failed') brake.failed(address, name, nowMs);
    if (outcome === 'done') brake.succeeded(address, name);
  }
}
