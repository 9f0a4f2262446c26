import type { Command } from 'commander';
import { cloneSnapshots, type CloneReport } from '../clone-restore.ts';
import { restoreGroup } from '../restore-group.ts';
import { groupOf, readPlan, withPlanFlags, withServer, type PlanFlags } from './with-plan.ts';

/** Adds `lunbox-manager restore`. */
export function addRestore(program: Command): void {
  withPlanFlags(
    program
      .command('restore <group> <snapshot>')
      .description('stop what uses the disks of a group, bring them back to a snapshot, and start it again'),
  )
    .option('--force', 'also while initiators use the disks')
    .option(
      '--to-clones',
      'leave the disks as they are: make others of the snapshots, and say where they are',
    )
    .action(
      async (
        groupName: string,
        snapshot: string,
        { plan: path, json = false, force = false, toClones = false }: RestoreFlags,
      ) => {
        const plan = readPlan(path);
        const group = groupOf(plan, groupName);
        if (toClones) {
          const clones = await withServer({ plan, path }, (client) =>
            cloneSnapshots(client, group.objects, snapshot),
          );
          console.log(json ? JSON.stringify({ clones }) : clones.map(placeLine).join('\n'));
          return;
        }
        const report = await withServer({ plan, path }, (client) =>
          restoreGroup(client, group, snapshot, { force }),
        );
        if (json) return console.log(JSON.stringify(report));
        for (const { object, safety } of report.objects)
          console.log(`${object}: restored to ${snapshot}; what it had is in the snapshot "${safety}"`);
        console.log(`done in ${report.durationMs} ms`);
      },
    );
}

interface RestoreFlags extends PlanFlags {
  readonly force?: boolean;
  readonly toClones?: boolean;
}

function placeLine({ object, name, targetName, lun, portals }: CloneReport): string {
  const places = portals.map(({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  );
  return `${object}: its copy ${name} is LUN ${lun} of ${targetName} at ${places.join(', ')}`;
}
