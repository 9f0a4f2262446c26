import { SCRAM, SCRAM_PLUS, type SaslCrypto, type ScramVerifier } from '../auth/sasl-crypto.ts';
import { ScramServer, type ScramStep } from '../auth/scram-server.ts';
import type { NbsTransport } from '../transport.ts';

/** Who may come in, and what proves it. */
export interface NbsAuthentication {
  readonly crypto: SaslCrypto;
  /** Let clients in that prove nothing (SASL ANONYMOUS): as nobody in particular. */
  readonly anonymous: boolean;
  /** What is kept of the password of a user; undefined for a user that there is not. */
  readonly verifierOf?: (user: string) => ScramVerifier | undefined;
  /** The user that a bearer token is for; undefined for one that is not good. */
  readonly userOfToken?: (token: string) => string | undefined;
  /** The user that a TLS certificate speaks for. Default: its name. */
  readonly userOfCertificate?: (name: string) => string | undefined;
}

/** One exchange, as the server sees it. */
interface Exchange {
  /** Who the client says it is, where it says that. */
  readonly claimed?: string;
  step(data: Uint8Array): Outcome;
}

/** What comes of a message: as with SCRAM, and the user is undefined for nobody in particular. */
type Outcome =
  Exclude<ScramStep, { kind: 'done' }> | { kind: 'done'; data: Uint8Array; user: string | undefined };

/** Iterations that users who there are not seem to have. */
const DECOY_ITERATIONS = 600_000;

const NOTHING = new Uint8Array(0);
const decoder = new TextDecoder();

const at = (user: string | undefined): Exchange => ({
  step: () => (user === undefined ? { kind: 'failed' } : { kind: 'done', data: NOTHING, user }),
});

/** The mechanisms of one connection, the best first, and how an exchange of each begins. */
export class Mechanisms {
  readonly #makers = new Map<string, () => Exchange>();

  /** @param decoySecret the same for the whole run of the server, so that decoys stay what they are */
  constructor(options: NbsAuthentication, transport: NbsTransport, decoySecret: Uint8Array) {
    const { anonymous, crypto, verifierOf, userOfToken, userOfCertificate = (name) => name } = options;
    const { peerName, channelBinding } = transport;
    if (peerName !== undefined) this.#makers.set('EXTERNAL', () => at(userOfCertificate(peerName)));
    if (verifierOf !== undefined) {
      const shared = { crypto, verifierOf, decoySecret, decoyIterations: DECOY_ITERATIONS, channelBinding };
      if (channelBinding !== undefined)
        this.#makers.set(SCRAM_PLUS, () => new ScramServer({ ...shared, plus: true }));
      this.#makers.set(SCRAM, () => new ScramServer({ ...shared, plus: false }));
    }
    if (userOfToken !== undefined)
      this.#makers.set('BEARER', () => ({
        step: (data) => at(userOfToken(decoder.decode(data))).step(data),
      }));
    if (anonymous)
      this.#makers.set('ANONYMOUS', () => ({
        step: () => ({ kind: 'done', data: NOTHING, user: undefined }),
      }));
  }

  /** Their names. */
  get names(): string[] {
    return [...this.#makers.keys()];
  }

  /** Begins an exchange; undefined for a mechanism that is not offered. */
  begin(name: string): Exchange | undefined {
    return this.#makers.get(name)?.();
  }
}
