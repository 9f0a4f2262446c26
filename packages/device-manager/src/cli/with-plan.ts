import type { NbsClient } from '@lunbox/nbs';
import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { connectPlan } from './connect-plan.ts';
import { ManagerError } from '../manager-error.ts';
import { parsePlan, type GroupPlan, type Plan } from '../plan/plan.ts';

/** Flags that every command has. */
export interface PlanFlags {
  readonly plan: string;
  readonly json?: boolean;
}

/** Adds the flags of {@link PlanFlags}. */
export function withPlanFlags(command: Command): Command {
  return command
    .option('--plan <file>', 'what the manager works by', 'lunbox-manager.yaml')
    .option('--json', 'print JSON');
}

/** Reads a plan. Throws a ManagerError `MANAGER_BAD_PLAN`. */
export function readPlan(path: string): Plan {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ManagerError('MANAGER_BAD_PLAN', `cannot read the plan: ${(cause as Error).message}`, {
      cause,
    });
  }
  return parsePlan(text, path);
}

/** A group of a plan. Throws a ManagerError `MANAGER_BAD_PLAN`. */
export function groupOf({ groups }: Plan, name: string): GroupPlan {
  const found = groups.find((group) => group.name === name);
  if (found !== undefined) return found;
  const names = groups.map((group) => group.name).join(', ');
  throw new ManagerError('MANAGER_BAD_PLAN', `the plan has no group ${name}; it has ${names}`);
}

/** Does something with the server of a plan, and closes the connection. */
export async function withServer<T>(
  {
    plan,
    path,
    lossTimeoutMs,
  }: { readonly plan: Plan; readonly path: string; readonly lossTimeoutMs?: number },
  work: (client: NbsClient) => Promise<T>,
): Promise<T> {
  const client = await connectPlan(plan.server, path, lossTimeoutMs);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
