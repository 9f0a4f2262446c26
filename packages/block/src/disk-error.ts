/** A failure of a {@link Disk}, shaped like those of `node:fs`: `code` is `EIO`, `ENOENT`, `ENOSPC`, … */
export class DiskError extends Error {
  /** Always `DiskError`. */
  override readonly name = 'DiskError';
  /** The operating system's name of the failure. */
  readonly code: string;
  /** The call that failed. */
  readonly syscall: string;

  constructor(code: string, syscall: string, message: string) {
    super(`${code}: ${message}, ${syscall}`);
    this.code = code;
    this.syscall = syscall;
  }
}
