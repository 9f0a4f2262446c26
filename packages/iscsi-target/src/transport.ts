/** Ends of a connection, as text and number; IPv6 addresses without brackets. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What the engine needs from a byte stream. The shell makes one from a socket, the simulator from memory. */
export interface Transport {
  /** Where the initiator reached us: what SendTargets answers (T-L11). */
  readonly local: Endpoint;
  readonly remote: Endpoint;
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
