/**
 * What is wrong with bytes from the peer; the position in the stream is lost, and the connection must be dropped.
 *
 * - `NBS_MAGIC`: a header does not begin with the magic of what this side receives.
 * - `NBS_HEADER_DIGEST`: the CRC of a header does not fit.
 * - `NBS_HEADER_LENGTH`: a header is shorter than 64 bytes.
 * - `NBS_PAYLOAD_TOO_LONG`: a payload is longer than what was agreed.
 * - `NBS_VERSION`: a header has another version than 1.
 * - `NBS_TLV`: a control payload is not a row of TLVs, or one of them cannot have this value.
 * - `NBS_FIELD`: a value to be sent does not fit its field (a mistake of the caller).
 */
export type NbsCodecErrorCode =
  | 'NBS_MAGIC'
  | 'NBS_HEADER_DIGEST'
  | 'NBS_HEADER_LENGTH'
  | 'NBS_PAYLOAD_TOO_LONG'
  | 'NBS_VERSION'
  | 'NBS_TLV'
  | 'NBS_FIELD';

/** What the codec throws. */
export class NbsCodecError extends Error {
  /** Always `NbsCodecError`. */
  override readonly name = 'NbsCodecError';
  /** Stable; see {@link NbsCodecErrorCode}. */
  readonly code: NbsCodecErrorCode;

  /** @param message - one line for people; programs look at `code`. */
  constructor(code: NbsCodecErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
