import type { Command } from 'commander';
import { Agent, type AgentRun } from '../agent.ts';
import { ManagerError } from '../manager-error.ts';
import { reportLines } from './snapshot-command.ts';
import { readPlan, withPlanFlags, withServer, type PlanFlags } from './with-plan.ts';

/** Adds `lunbox-manager agent`. */
export function addAgent(program: Command): void {
  withPlanFlags(
    program
      .command('agent')
      .description('take the snapshots that the plan asks for, at their times, until it is stopped'),
  ).action(async ({ plan: path, json = false }: PlanFlags) => {
    const plan = readPlan(path);
    const groups = plan.groups.filter(({ everyMs }) => everyMs !== undefined);
    if (groups.length === 0)
      throw new ManagerError('MANAGER_BAD_PLAN', `${path}: no group has everyMs, so there is nothing to do`);
    const stop = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
    await withServer({ plan, path }, async (client) => {
      console.error(`lunbox-manager: the agent looks after ${groups.map(({ name }) => name).join(', ')}`);
      await new Agent(client, groups, (run) => tell(run, json)).run(stop.signal);
    });
  });
}

function tell(run: AgentRun, json: boolean): void {
  const { group, report, error } = run;
  if (json) console.log(JSON.stringify({ group, ...(report ?? { error: error?.message }) }));
  else if (report === undefined) console.error(`lunbox-manager: ${group}: ${error?.message}`);
  else for (const line of reportLines(report)) console.log(`${group}: ${line}`);
}
