import { InvalidArgumentError, type Command } from 'commander';
import { takeConsistent, type ConsistentReport, type Step } from '../consistent-snapshot.ts';
import { snapshotOptionsOf } from '../plan/plan.ts';
import { groupOf, readPlan, withPlanFlags, withServer, type PlanFlags } from './with-plan.ts';

interface SnapshotFlags extends PlanFlags {
  readonly name?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly orLower?: boolean;
}

const STEPS: Readonly<Record<Step, string>> = {
  suspend: 'suspending what uses the disks',
  snapshot: 'taking the snapshot',
  resume: 'resuming',
};

/** Adds `lunbox-manager snapshot`. */
export function addSnapshot(program: Command): void {
  withPlanFlags(
    program
      .command('snapshot <group>')
      .description(
        'suspend what uses the disks of a group, take a snapshot of them at one instant, and resume',
      ),
  )
    .option('--name <name>', 'what the snapshots are called (default: the time)')
    .option('--label <key=value>', 'a label; repeat it for each', addLabel)
    .option('--or-lower', 'take what can be had when not all can be suspended')
    .action(async (groupName: string, { plan: path, json = false, name, label, orLower }: SnapshotFlags) => {
      const plan = readPlan(path);
      const group = groupOf(plan, groupName);
      const report = await withServer({ plan, path }, (client) =>
        takeConsistent(client, {
          ...snapshotOptionsOf(group),
          ...(name === undefined ? {} : { name }),
          ...(label === undefined ? {} : { labels: label }),
          ...(orLower === true ? { whenNotReady: 'lower' as const } : {}),
          onStep: (step) => console.error(`lunbox-manager: ${STEPS[step]}`),
        }),
      );
      console.log(json ? JSON.stringify(report) : reportLines(report).join('\n'));
    });
}

/** A report for people. */
export function reportLines({ level, snapshots, drivers, suspendedMs }: ConsistentReport): string[] {
  return [
    ...snapshots.map(({ object, name, id }) => `${object}: snapshot ${name} (${id}) is taken`),
    ...drivers.map(({ name, ready, held, suspendedMs: ms, error }) => {
      const outcome = ready
        ? `suspended for ${ms} ms${held === false ? ', and not up to the end' : ''}`
        : 'not suspended';
      return `${name}: ${outcome}${error === undefined ? '' : `: ${error}`}`;
    }),
    `consistency: ${level}; suspended for ${suspendedMs} ms in all`,
  ];
}

function addLabel(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('a label is KEY=VALUE');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
