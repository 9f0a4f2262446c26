/** Where a target listens. */
export interface Portal {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What a byte stream tells its owner. */
export interface ChannelEvents {
  /** The connection stands. */
  opened(): void;
  /** Bytes came in; `chunk` may be used again after the call. */
  received(chunk: Uint8Array): void;
  /** The connection is gone, or never came about. Called once, last. */
  closed(error?: Error): void;
}

/** A byte stream to a portal. The shell makes one from a socket, a test from memory. */
export interface Channel {
  /** Takes bytes in order. `done` is called once they are with the network and their memory may change. */
  send(segments: readonly Uint8Array[], done: () => void): void;
  /** Calls `callback` once, soon, after other events of this turn: requests of one turn leave together. */
  defer(callback: () => void): void;
  /** Closes after everything sent so far. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** Opens a byte stream. `events` are called later, never during the call. */
export type Dial = (portal: Portal, events: ChannelEvents) => Channel;

/** The default port of iSCSI (RFC 7143 §4.2.7.1 and IANA). */
export const ISCSI_PORT = 3260;

/**
 * Reads `host`, `host:port`, `[v6]` or `[v6]:port`, and the portal group tag that a TargetAddress may end in
 * (RFC 7143 §13.8). Undefined when it is none of these.
 */
export function parsePortal(text: string): Portal | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\],/\s@%]+))(?::(\d{1,5}))?(?:,\d{1,5})?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? ISCSI_PORT);
  return host === undefined || port < 1 || port > 65535 ? undefined : { host, port };
}

/** `host:port`, with brackets round an IPv6 address. */
export function formatPortal({ host, port }: Portal): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
