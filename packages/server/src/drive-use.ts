import { unitUse } from '@lunbox/scsi';
import type { Drive } from './drive.ts';
import { ServerError } from './server-error.ts';

/**
 * Throws a {@link ServerError} `SERVER_WRONG_STATE` when somebody uses a LUN, or an initiator has it reserved.
 *
 * @param anyway - what does it all the same, for people
 * @param user - the door of who asks, whose own use does not count; see `unitUse`
 */
export function checkUnused({ unit, lun }: Drive, anyway: string, user?: string): void {
  const { initiators, doors, reserved } = unitUse(unit);
  const [first] = [...initiators, ...doors.filter((door) => door !== user)];
  if (first !== undefined)
    throw wrongState(`LUN ${lun} is in use by ${first.split(',')[0]}; let it log out, or ${anyway}`);
  if (reserved) throw wrongState(`LUN ${lun} is reserved by an initiator; let it be released, or ${anyway}`);
}

function wrongState(message: string): ServerError {
  return new ServerError('SERVER_WRONG_STATE', message);
}
