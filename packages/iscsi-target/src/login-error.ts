/** A login that is refused; carries the `LoginStatus` to answer with (RFC 7143 §11.13.5) and why, for the log. */
export class LoginError extends Error {
  override readonly name = 'LoginError';
  readonly status: number;
  /** Keys of the answer: TargetAddress, when the initiator is to go elsewhere. */
  readonly keys: readonly [string, string][];

  constructor(status: number, reason: string, keys: readonly [string, string][] = []) {
    super(reason);
    this.status = status;
    this.keys = keys;
  }
}
