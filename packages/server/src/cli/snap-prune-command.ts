import type { Command } from 'commander';
import { labelArgument } from './arguments.ts';
import { addKeepFlags, gridOf, type KeepFlags } from './keep-flags.ts';
import { prune, pruneLines, type Pruned } from './snap-prune.ts';
import { askServer, snapRequest, withDesk } from './snap-source.ts';

interface PruneFlags extends KeepFlags {
  readonly prefix?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly control?: string;
  readonly json?: boolean;
}

/** Adds `lunbox snap prune`. */
export function addPrune(snap: Command): void {
  const command = snap
    .command('prune <disk>')
    .description('delete the snapshots that nothing keeps, of those called auto-…');
  addKeepFlags(command)
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
