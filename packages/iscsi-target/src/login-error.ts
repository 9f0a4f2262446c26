/** A login that is refused; carries the `LoginStatus` to answer with (RFC 7143 §11.13.5) and why, for the log. */
export class LoginError extends Error {
  override readonly name = 'LoginError';
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}
