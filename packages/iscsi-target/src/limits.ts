/**
 * Bounds of the target. Every queue and every length is checked against one of these before anything is
 * allocated for it; each maps to a brake of the protocol (MaxCmdSN, R2T, negotiated lengths) or to a refusal.
 */
export interface TargetLimits {
  /** Connections of all sessions and logins together; further ones are closed at once. */
  readonly maxConnections: number;
  /** Sessions of all targets together; further logins end with status 0302h (out of resources). */
  readonly maxSessions: number;
  /** Connections one session may have (MaxConnections, RFC 7143 §13.2). */
  readonly maxSessionConnections: number;
  /** Highest ErrorRecoveryLevel agreed to: 0 to 2 (RFC 7143 §13.20). */
  readonly errorRecoveryLevel: number;
  /** Normal sessions must agree on CRC32C for headers and data (RFC 7143 §13.1); a login that does not is refused. */
  readonly requireDigests: boolean;
  /** Commands a session may have outstanding: the width of the CmdSN window (RFC 7143 §4.2.2.1). */
  readonly queueDepth: number;
  /** Commands of all sessions together: the more sessions there are, the narrower the window of a new one. */
  readonly totalQueueDepth: number;
  /** Largest data segment this target accepts in full feature phase, in bytes (its MaxRecvDataSegmentLength). */
  readonly maxReceiveSegmentBytes: number;
  /** Largest data segment this target sends, in bytes, however much more the initiator would take. */
  readonly maxSendSegmentBytes: number;
  /** Upper bounds for the negotiation of MaxBurstLength, FirstBurstLength (bytes) and MaxOutstandingR2T. */
  readonly maxBurstBytes: number;
  readonly firstBurstBytes: number;
  readonly maxOutstandingR2t: number;
  /** Bytes waiting for a socket before a connection stops producing Data-In. */
  readonly sendBacklogBytes: number;
  /** A login that is not through after this time is cut. */
  readonly loginTimeoutMs: number;
  /** Text of one login or text negotiation, over all its continuations, in bytes. */
  readonly maxTextBytes: number;
  /** Login requests in one login phase: a peer cannot negotiate for ever. */
  readonly maxLoginRequests: number;
  /** Connections that have not finished their login; a further one cuts the oldest of them. */
  readonly maxHalfOpenLogins: number;
  /** Wrong CHAP answers of one initiator name from one address before it has to wait. */
  readonly authFailures: number;
  /** The first wait after too many failures; each further failure doubles it, up to `lockOutMaxMs`. */
  readonly lockOutMs: number;
  /** The longest wait; who has not failed for as long is forgotten. */
  readonly lockOutMaxMs: number;
  /** Names and addresses whose failures are remembered; who failed longest ago makes room. */
  readonly maxOffenders: number;
  /** A peer that was silent this long is pinged with a NOP-In. */
  readonly pingIntervalMs: number;
  /** A peer that has answered pings before and leaves one unanswered this long is dropped. */
  readonly pingTimeoutMs: number;
  /** A login that evicts a session or a connection pings it first (T-L9) and waits this long at most; 0: not at all. */
  readonly evictionPingMs: number;
}

/** Defaults of {@link TargetLimits}. */
export const DEFAULT_LIMITS: TargetLimits = {
  maxConnections: 1024,
  maxSessions: 512,
  maxSessionConnections: 8,
  errorRecoveryLevel: 2,
  requireDigests: false,
  queueDepth: 128,
  totalQueueDepth: 4096,
  maxReceiveSegmentBytes: 262_144,
  maxSendSegmentBytes: 262_144,
  maxBurstBytes: 1_048_576,
  firstBurstBytes: 262_144,
  maxOutstandingR2t: 8,
  sendBacklogBytes: 2_097_152,
  loginTimeoutMs: 15_000,
  maxTextBytes: 65_536,
  maxLoginRequests: 64,
  maxHalfOpenLogins: 256,
  authFailures: 5,
  lockOutMs: 1000,
  lockOutMaxMs: 300_000,
  maxOffenders: 4096,
  pingIntervalMs: 15_000,
  pingTimeoutMs: 30_000,
  evictionPingMs: 500,
};

/** Data segments in the login phase are at most this long until declared otherwise (RFC 7143 §13.12). */
export const DEFAULT_SEGMENT_BYTES = 8192;
