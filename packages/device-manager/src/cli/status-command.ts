import type { NbsClient } from '@lunbox/nbs';
import type { Command } from 'commander';
import { ManagerError } from '../manager-error.ts';
import { ObjectHandles } from '../object-handles.ts';
import type { GroupPlan } from '../plan/plan.ts';
import { readPlan, withPlanFlags, withServer, type PlanFlags } from './with-plan.ts';

/** How it stands with a group. */
interface GroupStatus {
  readonly group: string;
  readonly objects: readonly string[];
  readonly drivers: readonly string[];
  /** Snapshots that all of its objects have, by their names, oldest first. */
  readonly snapshots: readonly {
    readonly name: string;
    readonly createdMs: number;
    readonly level: string;
  }[];
  /** Why nothing more can be told. */
  readonly error?: string;
}

/** Time for a look at the server. */
const LOSS_TIMEOUT_MS = 5000;

/** Adds `lunbox-manager status`. */
export function addStatus(program: Command): void {
  withPlanFlags(
    program.command('status').description('tell the groups of the plan, their disks and their snapshots'),
  ).action(async ({ plan: path, json = false }: PlanFlags) => {
    const plan = readPlan(path);
    const statuses = await withServer({ plan, path, lossTimeoutMs: LOSS_TIMEOUT_MS }, async (client) => {
      const found: GroupStatus[] = [];
      for (const group of plan.groups) found.push(await statusOf(client, group));
      return found;
    });
    console.log(json ? JSON.stringify(statuses) : statuses.flatMap(statusLines).join('\n'));
  });
}

async function statusOf(client: NbsClient, { name, objects, drivers }: GroupPlan): Promise<GroupStatus> {
  const basics = { group: name, objects, drivers: drivers.map((driver) => driver.name), snapshots: [] };
  try {
    const handles = await ObjectHandles.open(client, objects);
    try {
      const [first = [], ...others] = await handles.list();
      const isCommon = (wanted: string): boolean =>
        others.every((all) => all.some((each) => each.name === wanted));
      const common = first.filter(({ name: each = '' }) => isCommon(each));
      const snapshots = common.map(({ name: each = '', createdMs = 0, level = 'crash' }) => ({
        name: each,
        createdMs,
        level,
      }));
      return { ...basics, snapshots };
    } finally {
      await handles.close();
    }
  } catch (error) {
    if (!(error instanceof ManagerError)) throw error;
    return { ...basics, error: error.message };
  }
}

function statusLines({ group, objects, drivers, snapshots, error }: GroupStatus): string[] {
  const uses = drivers.length === 0 ? 'nothing is suspended' : drivers.join(', ');
  return [
    `${group}: ${objects.join(', ')} (${uses})`,
    ...(error === undefined ? [] : [`  ${error}`]),
    ...snapshots.map(
      ({ name, createdMs, level }) => `  ${new Date(createdMs).toISOString()}  ${level}  ${name}`,
    ),
  ];
}
