import type { Clock, Random } from '@lunbox/block';
import type { ChapCredentials, ChapDigest } from './chap.ts';
import type { NegotiationOptions } from './parameters.ts';
import type { Dial, Portal } from './transport.ts';

/** How a session comes back after its connection was lost. */
export interface ReconnectOptions {
  /** Gives up after this long without a session; 0 never tries. Default 60 000. */
  readonly timeoutMs?: number;
  /** First pause between two tries; each further one is twice as long. Default 100. */
  readonly minDelayMs?: number;
  /** Longest pause. Default 5000. */
  readonly maxDelayMs?: number;
}

/** What a session needs to know. */
export interface SessionOptions {
  readonly portal: Portal;
  /** Left out: a discovery session. */
  readonly targetName?: string;
  /** Default `iqn.2026-11.io.lunbox:initiator`. */
  readonly initiatorName?: string;
  readonly chap?: ChapCredentials;
  readonly negotiation?: NegotiationOptions;
  readonly reconnect?: ReconnectOptions;
  /**
   * Connections of the session, as many as the target allows (RFC 7143 §4.2.1); one that is lost is made again.
   * Default 1.
   */
  readonly connections?: number;
  /** MaxConnections offered (RFC 7143 §13.2), for connections added later. Default: `connections`. */
  readonly maxConnections?: number;
  /**
   * The highest error recovery offered (RFC 7143 §7.1.5). 0: a lost PDU costs the connection, a lost connection its
   * commands. 1: PDUs that were lost or spoilt are asked for, or sent, again. 2: commands go on over another
   * connection. Default 0.
   */
  readonly errorRecoveryLevel?: 0 | 1 | 2;
  /** DefaultTime2Retain offered with level 2, in seconds: how long the target keeps commands for that. Default 20. */
  readonly time2RetainS?: number;
  /** A connection and login that take longer fail. Default 15 000. */
  readonly loginTimeoutMs?: number;
  /** A command that takes longer is aborted, another request given up. Default 60 000. */
  readonly commandTimeoutMs?: number;
  /** A target that does not answer an ABORT TASK for so long loses the connection. Default 10 000. */
  readonly abortTimeoutMs?: number;
  /** A target that was silent for so long is pinged. Default 5000. */
  readonly pingIntervalMs?: number;
  /** A target that leaves a ping unanswered for so long is given up. Default 10 000. */
  readonly pingTimeoutMs?: number;
  /** Commands that may wait or be at work; further ones are refused with `INITIATOR_BUSY`. Default 4096. */
  readonly maxCommands?: number;
}

/** What a session takes from its surroundings, so that a test can replay it. */
export interface SessionSeams {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly chapDigest: ChapDigest;
}

/** How long a command may take when the options do not say. */
export const DEFAULT_COMMAND_TIMEOUT_MS = 60_000;

/** InitiatorName when the options have none. */
export const DEFAULT_INITIATOR_NAME = 'iqn.2026-11.io.lunbox:initiator';

/** Redirects followed one after the other before a login is given up. */
export const MAX_REDIRECTS = 8;

/** What goes with a request to a session. */
export interface OperationOptions {
  /** Gives the request up: it rejects with `INITIATOR_ABORTED`, whose cause is the signal's reason. */
  readonly signal?: AbortSignal;
}
