import type { Command } from 'commander';
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
    .action(
      async (
        groupName: string,
        snapshot: string,
        { plan: path, json = false, force = false }: RestoreFlags,
      ) => {
        const plan = readPlan(path);
        const group = groupOf(plan, groupName);
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
}
