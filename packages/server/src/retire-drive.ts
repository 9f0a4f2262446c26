import type { Drive } from './drive.ts';
import type { OpenTarget } from './open-target.ts';

/** How long commands may take to end when the LUN that they are for goes. */
const RETIRE_TIMEOUT_MS = 10_000;

/**
 * Takes a LUN away while the server runs: initiators hear of it (REPORTED LUNS DATA HAS CHANGED), commands that are
 * under way end first, up to a time, and what it was is closed.
 */
export async function retireDrive(
  { drives, scsi }: Pick<OpenTarget, 'drives' | 'scsi'>,
  drive: Drive,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, RETIRE_TIMEOUT_MS)));
  try {
    await scsi.retireUnit(drive.lun, late);
  } finally {
    clearTimeout(timer);
    drives.splice(drives.indexOf(drive), 1);
    drive.unit.close();
    await drive.close();
  }
}
