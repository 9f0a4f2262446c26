import type { Command } from 'commander';
import { Agent, type AgentRun } from '../agent.ts';
import { QuiesceAgent, type QuiesceRun } from '../quiesce-agent.ts';
import { ManagerError } from '../manager-error.ts';
import { reportLines } from './snapshot-command.ts';
import { readPlan, withPlanFlags, withServer, type PlanFlags } from './with-plan.ts';

/** Adds `lunbox-manager agent`. */
export function addAgent(program: Command): void {
  withPlanFlags(
    program
      .command('agent')
      .description(
        'take snapshots as the plan says, and suspend what uses disks when the server asks, until it is stopped',
      ),
  ).action(async ({ plan: path, json = false }: PlanFlags) => {
    const plan = readPlan(path);
    const groups = plan.groups.filter(({ everyMs }) => everyMs !== undefined);
    const quiet = plan.groups.filter(({ drivers }) => drivers.length > 0);
    if (groups.length + quiet.length === 0)
      throw new ManagerError(
        'MANAGER_BAD_PLAN',
        `${path}: no group has everyMs or quiesce: there is nothing to do`,
      );
    const stop = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
    await withServer({ plan, path }, async (client) => {
      const names = new Set([...groups, ...quiet].map(({ name }) => name));
      console.error(`lunbox-manager: the agent looks after ${[...names].join(', ')}`);
      const agents = [
        ...(groups.length === 0 ? [] : [new Agent(client, groups, (run) => tell(run, json))]),
        ...(quiet.length === 0 ? [] : [new QuiesceAgent(client, quiet, (run) => tellQuiesced(run, json))]),
      ];
      // One that fails ends the other, and nothing stays suspended.
      const ended = await Promise.allSettled(
        agents.map((agent) => agent.run(stop.signal).finally(() => stop.abort())),
      );
      for (const each of ended) if (each.status === 'rejected') throw each.reason;
    });
  });
}

function tellQuiesced({ groups, level, drivers, stuck }: QuiesceRun, json: boolean): void {
  const names = groups.join(', ');
  if (json) console.log(JSON.stringify({ groups, quiesced: level ?? null, drivers, stuck }));
  else if (stuck !== undefined) console.error(`lunbox-manager: ${names}: not resumed: ${stuck}`);
  else if (level === undefined)
    console.error(`lunbox-manager: ${names}: could not be suspended for the server`);
  else console.log(`${names}: suspended for the server, consistency ${level}`);
}

function tell(run: AgentRun, json: boolean): void {
  const { group, report, error } = run;
  if (json) console.log(JSON.stringify({ group, ...(report ?? { error: error?.message }) }));
  else if (report === undefined) console.error(`lunbox-manager: ${group}: ${error?.message}`);
  else for (const line of reportLines(report)) console.log(`${group}: ${line}`);
}
