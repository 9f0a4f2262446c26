import { systemClock } from '@lunbox/block';
import { ServerError } from '../server-error.ts';
import type { LunboxServer } from '../server.ts';
import { SnapshotSchedules, type ScheduledDesk } from './snap-schedules.ts';
import { deskOf } from './snap-verbs.ts';

/** Runs the schedules of the disks that a server has, and says on standard error what fails. */
export function runSchedules(server: LunboxServer): SnapshotSchedules {
  return new SnapshotSchedules({
    desks: () => desksOf(server),
    clock: systemClock,
    random: Math.random,
    onNotQuiesced: ({ lun, desk }, error) => {
      console.error(
        `lunbox: warning: LUN ${lun} (${desk.disk}): its scheduled snapshot is a crash one: ${error.message}`,
      );
    },
    onFailure: ({ lun, desk }, error, retryMs) => {
      const what = `its scheduled snapshot failed, and is tried again in ${retryMs / 1000} s`;
      console.error(`lunbox: warning: LUN ${lun} (${desk.disk}): ${what}: ${(error as Error).message}`);
    },
  });
}

/** The disks that can have snapshots. */
function desksOf(server: LunboxServer): ScheduledDesk[] {
  const luns = server.targets.flatMap((target) => target.luns);
  return luns.flatMap(({ lun, path, snapshot }): ScheduledDesk[] => {
    if (path === undefined || snapshot !== undefined) return [];
    try {
      return [{ lun, desk: deskOf(server, { path }) }];
    } catch (error) {
      if (error instanceof ServerError) return [];
      throw error;
    }
  });
}
