import { TargetError } from '@lunbox/iscsi-target';
import { ServerError } from './server-error.ts';

/** Does `work`; settings that the target refuses come out as a {@link ServerError} `SERVER_BAD_OPTIONS`. */
export function refusedAsOptions<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw new ServerError('SERVER_BAD_OPTIONS', error.message, { cause: error });
  }
}
