/**
 * Why the manager could not do what was asked.
 *
 * - `MANAGER_BAD_PLAN`: the plan is wrong, or there is no such group in it.
 * - `MANAGER_NOT_READY`: an application or a file system could not be suspended; all of them were resumed.
 * - `MANAGER_NOT_HELD`: one of them went on before the snapshot was taken; the snapshot was deleted.
 * - `MANAGER_NOT_RESUMED`: an application or a file system could not be resumed; the message says what was taken.
 * - `MANAGER_NOT_INITIATED`: the server did not take the snapshot in time; everything was resumed.
 * - `MANAGER_REFUSED`: the server has refused a request.
 * - `MANAGER_COMMAND_FAILED`: a command of the plan has failed.
 */
export type ManagerErrorCode =
  | 'MANAGER_BAD_PLAN'
  | 'MANAGER_NOT_READY'
  | 'MANAGER_NOT_HELD'
  | 'MANAGER_NOT_RESUMED'
  | 'MANAGER_NOT_INITIATED'
  | 'MANAGER_REFUSED'
  | 'MANAGER_COMMAND_FAILED';

/** Every failure of the manager that a person can do something about. */
export class ManagerError extends Error {
  /** Always `ManagerError`. */
  override readonly name = 'ManagerError';
  /** Stable; see {@link ManagerErrorCode}. */
  readonly code: ManagerErrorCode;

  /** @param message - one line for people; programs look at `code`. */
  constructor(code: ManagerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
