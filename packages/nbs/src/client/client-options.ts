import type { Clock, Random } from '@lunbox/block';
import type { SaslCrypto } from '../auth/sasl-crypto.ts';
import type { NbsTransport } from '../transport.ts';

/** What a transport tells a client. */
export interface ClientLink {
  /** Bytes from the server; the chunk may be used again after the call. */
  receive(chunk: Uint8Array): void;
  /** The connection has ended. */
  disconnected(): void;
}

/** Connects to one portal; rejects when that does not work. */
export type Dial = (link: ClientLink) => Promise<NbsTransport>;

/** What a client proves itself with; without any it comes in as nobody in particular, where that is allowed. */
export interface NbsCredentials {
  /** For SCRAM, with {@link NbsCredentials.password}. */
  readonly user?: string;
  readonly password?: string;
  /** For BEARER. */
  readonly token?: string;
}

/** Options of a client. */
export interface NbsClientOptions {
  /** The ways to the server, the best one first; they are tried one after the other. */
  readonly portals: readonly Dial[];
  readonly credentials?: NbsCredentials;
  readonly crypto: SaslCrypto;
  readonly clock: Clock;
  readonly random: Random;
  /** What people call the client. */
  readonly clientName?: string;
  /** Put digests into payloads: for connections without TLS. Default false. */
  readonly digest?: boolean;
  /** How long requests wait for a way to the server. Default 120 000. */
  readonly lossTimeoutMs?: number;
  /** Wait before the first new attempt; it doubles up to 30 seconds. Default 1000. */
  readonly reconnectMs?: number;
}
