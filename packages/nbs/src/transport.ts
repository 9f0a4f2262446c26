/** A connection as the engines want it: bytes in order, or its end. */
export interface NbsTransport {
  /** Who is at the other end, for people: `192.0.2.1:40000`. */
  readonly peer: string;
  /** The address of the peer, without its port; undefined where it has none, as by a UNIX socket. */
  readonly address?: string | undefined;
  /** The name that the peer's TLS certificate speaks for; undefined without one. */
  readonly peerName?: string | undefined;
  /** The value of the TLS exporter (RFC 9266); undefined without TLS. */
  readonly channelBinding?: Uint8Array | undefined;
  /** Sends the pieces one after the other; they stay unchanged until `done` is called, also when they do not arrive. */
  send(pieces: readonly Uint8Array[], done?: () => void): void;
  /** Bytes handed over that the peer has not taken yet. */
  readonly backlogBytes: number;
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
