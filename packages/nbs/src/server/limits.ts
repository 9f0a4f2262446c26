import type { GuessLimits } from './guess-brake.ts';

/** Bounds of a server. Every queue and every length is checked against one of these before anything is allocated. */
export interface NbsLimits extends GuessLimits {
  /** Connections together; further ones are closed at once. */
  readonly maxConnections: number;
  /** Connections that have no session yet; further ones are closed at once. */
  readonly maxOpening: number;
  /** Sessions, those that wait for their client included. */
  readonly maxSessions: number;
  /** Open objects of one session. */
  readonly maxHandles: number;
  /** Longest payload in bytes, in either direction. */
  readonly maxPayloadBytes: number;
  /** Requests of one connection that are at work at a time. */
  readonly maxInFlight: number;
  /** Bytes of data that these may have together. */
  readonly windowBytes: number;
  /** Most bytes of one COPY_RANGE. */
  readonly maxCopyBytes: number;
  /** Events that a session keeps for its client. */
  readonly maxEvents: number;
  /** How long a prepared group holds changes back at most. */
  readonly maxHoldMs: number;
  /** How long clients may take to suspend what uses objects. */
  readonly maxReadyMs: number;
  /** How long what clients have suspended stays so: a snapshot that takes longer is deleted again. */
  readonly maxSuspendedMs: number;
  /** A connection without a session after this time is cut. */
  readonly openingTimeoutMs: number;
  /** A peer that has been silent for twice this time is taken for dead. */
  readonly keepaliveMs: number;
  /** How long a session outlives its connection. */
  readonly lossTimeoutMs: number;
}

/** Defaults of {@link NbsLimits}. */
export const DEFAULT_NBS_LIMITS: NbsLimits = {
  maxConnections: 1024,
  maxOpening: 256,
  maxSessions: 512,
  maxHandles: 256,
  maxPayloadBytes: 1 << 20,
  maxInFlight: 128,
  windowBytes: 16 << 20,
  maxCopyBytes: 64 << 20,
  maxEvents: 256,
  maxHoldMs: 30_000,
  maxReadyMs: 600_000,
  maxSuspendedMs: 10_000,
  authFailures: 10,
  lockOutMs: 1000,
  lockOutMaxMs: 300_000,
  maxOffenders: 4096,
  openingTimeoutMs: 10_000,
  keepaliveMs: 15_000,
  lossTimeoutMs: 120_000,
};
