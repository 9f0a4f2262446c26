import { RETENTION_RULES, type RetentionGrid } from '@lunbox/snapshot';
import { InvalidArgumentError, type Command } from 'commander';
import { labelArgument, positiveInteger } from './arguments.ts';
import { prune, pruneLines, type Pruned } from './snap-prune.ts';
import { askServer, snapRequest, withDesk } from './snap-source.ts';

/** `--keep-last` and so on, as commander has them. */
type KeepFlags = { readonly [R in (typeof RETENTION_RULES)[number] as `keep${Capitalize<R>}`]?: number };

interface PruneFlags extends KeepFlags {
  readonly olderThan?: number;
  readonly prefix?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly control?: string;
  readonly json?: boolean;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Adds `lunbox snap prune`. */
export function addPrune(snap: Command): void {
  const command = snap
    .command('prune <disk>')
    .description('delete the snapshots that nothing keeps, of those called auto-…');
  for (const rule of RETENTION_RULES) command.option(`--keep-${rule} <n>`, keepText(rule), positiveInteger);
  command
    .option('--older-than <time>', 'keep all that are younger, such as 12h or 30d', timeArgument)
    .option('--prefix <text>', 'look at those whose names begin so, instead of auto-')
    .option('--label <key=value>', 'look at those with this label; repeat it for each', labelArgument)
    .option('--all', 'look at all of them')
    .option('--dry-run', 'delete nothing, and say what would be deleted, and why')
    .option('--control <socket>', 'ask the server that serves the disk; it may be named by its LUN then')
    .option('--json', 'print JSON')
    .action(async (disk: string, flags: PruneFlags) => {
      const result = await pruneDisk(disk, flags);
      if (flags.json === true) console.log(JSON.stringify(result));
      else for (const line of pruneLines(result)) console.log(line);
    });
}

function keepText(rule: string): string {
  return rule === 'last'
    ? 'keep so many, the newest'
    : `keep the newest of so many ${STRETCHES[rule]} that have one`;
}

const STRETCHES: Readonly<Record<string, string>> = {
  hourly: 'hours',
  daily: 'days',
  weekly: 'weeks',
  monthly: 'months',
  yearly: 'years',
};

async function pruneDisk(disk: string, flags: PruneFlags): Promise<Pruned> {
  const { prefix, label: labels, all, dryRun, control } = flags;
  const fields = { keep: gridOf(flags), prefix, labels, all, dryRun };
  if (control === undefined)
    return await withDesk(disk, (desk) => prune(desk, snapRequest('snap-prune', fields), Date.now()));
  const connection = await askServer(control, disk, 'snap-prune', fields);
  try {
    return (await connection.result()) as Pruned;
  } finally {
    connection.close();
  }
}

function gridOf(flags: PruneFlags): RetentionGrid {
  const numbers = RETENTION_RULES.map((rule) => {
    const flag = `keep${rule[0]?.toUpperCase()}${rule.slice(1)}` as keyof KeepFlags;
    return [rule, flags[flag]] as const;
  });
  const all = [...numbers, ['olderThanMs', flags.olderThan] as const];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

/** Reads `90s`, `30m`, `12h`, `30d` or `8w`, for commander. */
function timeArgument(text: string): number {
  const { number = '', unit = '' } = /^(?<number>\d+)(?<unit>[smhdw])$/.exec(text)?.groups ?? {};
  const timeMs = Number(number) * (UNITS_MS[unit] ?? NaN);
  if (!Number.isSafeInteger(timeMs) || timeMs < 1)
    throw new InvalidArgumentError('Write a time such as 12h or 30d.');
  return timeMs;
}
