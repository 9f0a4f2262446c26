import type { StatusName } from '../codec/status-table.ts';
import type { Fields } from '../codec/tlv.ts';

/**
 * Why a request of a client failed.
 *
 * - `NBS_REFUSED`: the server has refused it; {@link NbsClientError.status} says why.
 * - `NBS_SESSION_LOST`: the server does not know the session any more, and whether it was done is not known.
 * - `NBS_LINK_DOWN`: there was no way to the server for the loss timeout; whether it was done is not known.
 * - `NBS_OPEN_FAILED`: the server cannot be used: its version, its mechanisms, or a wrong password.
 * - `NBS_PROTOCOL`: the server has broken the protocol.
 * - `NBS_CLOSED`: the client was closed.
 */
export type NbsClientErrorCode =
  'NBS_REFUSED' | 'NBS_SESSION_LOST' | 'NBS_LINK_DOWN' | 'NBS_OPEN_FAILED' | 'NBS_PROTOCOL' | 'NBS_CLOSED';

/** Every failure of an NBS client. */
export class NbsClientError extends Error {
  /** Always `NbsClientError`. */
  override readonly name = 'NbsClientError';
  /** Stable; see {@link NbsClientErrorCode}. */
  readonly code: NbsClientErrorCode;
  /** Of `NBS_REFUSED` and `NBS_OPEN_FAILED`: what the server has said. */
  readonly status: StatusName | undefined;
  /** What the server has told besides. */
  readonly fields: Fields;

  /** @param message - one line for people; programs look at `code`. */
  constructor(code: NbsClientErrorCode, message: string, status?: StatusName, fields: Fields = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.fields = fields;
  }
}
