/** Ends of a connection, as text and number; IPv6 addresses without brackets. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A portal as it is told to initiators. */
export interface Portal extends Endpoint {
  /** Tag of its portal group (RFC 7143 §4.4.2), 1–65535. */
  readonly tag: number;
}

/** What the engine needs from a byte stream. The shell makes one from a socket, the simulator from memory. */
export interface Transport {
  /** Where the initiator reached us: what SendTargets answers unless there is a `portal` (T-L11). */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** How the portal is told to initiators, where that is not `local` in portal group 1: behind NAT, in a container. */
  readonly portal?: Portal | undefined;
  /** Names that the transport has proven for the initiator, as TLS does; undefined when it proves nothing. */
  readonly peerNames?: readonly string[] | undefined;
  /** Takes bytes in order. `done` is called once they are with the network and their memory may change. */
  send(segments: readonly Uint8Array[], done: () => void): void;
  /** Calls `callback` once, soon, after other events of this turn: answers of one turn leave together. */
  defer(callback: () => void): void;
  /** Stops the bytes that come in: the brake on a peer that sends and does not read. */
  pause(): void;
  /** Lets bytes come in again. */
  resume(): void;
  /** Closes after everything sent so far. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
