/** Applications are suspended before the file systems that they use, and resumed after them. */
export type Layer = 'application' | 'file-system';

/** How long things may take. */
export interface SuspendLimits {
  /** Who has not been suspended after this time is not. */
  readonly readyTimeoutMs: number;
  /** Who is suspended resumes by itself after this time, counted from when it is ready. */
  readonly holdLimitMs: number;
}

/** Something that is suspended. */
export interface Suspension {
  /**
   * Resumes it. Answers true when it was suspended up to now; false when it has gone on by itself before. Throws when
   * it could not be resumed: it is still suspended then.
   */
  resume(): Promise<boolean>;
}

/**
 * What suspends one application or file system. Whatever happens, it goes on: when the manager ends or is killed, when
 * the limit is over, and when suspending it has failed half-way.
 */
export interface QuiesceDriver {
  /** What people call it. */
  readonly name: string;
  readonly layer: Layer;
  /** Writes out what it has in memory and suspends it; completes when it is suspended. Throws when it is not. */
  suspend(limits: SuspendLimits): Promise<Suspension>;
}
