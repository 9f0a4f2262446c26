import type { NbdPeer } from './exports.ts';

/** A connection as the engine wants it: bytes in order, or its end. */
export interface NbdTransport {
  readonly peer: NbdPeer;
  /** TLS is spoken. */
  readonly secure: boolean;
  /** Bytes handed over that the peer has not taken yet. */
  readonly backlogBytes: number;
  /** Sends the pieces one after the other; they stay unchanged. */
  send(pieces: readonly Uint8Array[]): void;
  /** Has `callback` called when what is going on in this turn is over. */
  defer(callback: () => void): void;
  /** No more input for now. */
  pause(): void;
  /** Input again. */
  resume(): void;
  /** Ends the connection after what was sent. */
  end(): void;
  /** Ends the connection at once. */
  destroy(): void;
}
