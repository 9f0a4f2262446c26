/** What a server refuses; stable, to be matched by callers. */
export type ServerErrorCode =
  | 'SERVER_BAD_PORTAL'
  | 'SERVER_BAD_NAME'
  | 'SERVER_BAD_OPTIONS'
  | 'SERVER_AUTHENTICATION_REQUIRED'
  | 'SERVER_DUPLICATE_IDENTITY'
  | 'SERVER_BAD_IMAGE'
  | 'SERVER_UNUSABLE_STATE'
  | 'SERVER_PORTAL_IN_USE'
  | 'SERVER_PORTAL_UNAVAILABLE'
  | 'SERVER_CONTROL_UNAVAILABLE'
  | 'SERVER_MAINTENANCE_FAILED'
  | 'SERVER_QUIESCE_FAILED'
  | 'SERVER_WRONG_STATE';

/** Facts that go with a {@link ServerError}; which are present depends on its code. */
export interface ServerErrorData {
  /** The portal in question, `host:port`. */
  readonly portal?: string;
  /** The iSCSI name in question. */
  readonly iqn?: string;
  readonly cause?: unknown;
}

/** A configuration that cannot be served, or a portal that cannot be opened. Match on {@link ServerError.code}. */
export class ServerError extends Error {
  override readonly name: string = 'ServerError';
  readonly code: ServerErrorCode;
  readonly data: ServerErrorData;

  /** @param message - one line for people; programs look at `code` and `data`. */
  constructor(code: ServerErrorCode, message: string, data: ServerErrorData = {}) {
    super(message, data.cause === undefined ? undefined : { cause: data.cause });
    this.code = code;
    this.data = data;
  }
}
