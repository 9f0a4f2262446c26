import { scanCatalog, worstOf } from '@lunbox/storage-object';
import type { Command } from 'commander';
import { withSnapshotLists, type ListedCatalog } from './catalog-snapshots.ts';
import { catalogTable } from './catalog-table.ts';
import { EXIT_CODES, ExitCode } from './exit-code.ts';

interface CatalogFlags {
  /** False when `--no-cache` was said. */
  readonly cache: boolean;
  readonly json?: boolean;
}

/** Adds `lunbox catalog`. */
export function addCatalog(program: Command, setExitCode: (code: number) => void): void {
  program
    .command('catalog <directory...>')
    .description('list the disks (*.lun) of directories, also while they are served')
    .option('--no-cache', 'read every file, and write no .lunbox-catalog beside them')
    .option('--json', 'print JSON')
    .action(async (directories: string[], flags: CatalogFlags) => {
      const scanned = await scanCatalog(directories, { withoutCache: !flags.cache });
      const catalog = await withSnapshotLists(scanned);
      if (flags.json === true) printJson(catalog);
      else for (const line of catalogTable(catalog)) console.log(line);
      setExitCode(exitCodeOf(catalog));
    });
}

function exitCodeOf({ objects, unusable, drafts }: ListedCatalog): number {
  const worst = EXIT_CODES[worstOf([...objects, ...drafts].flatMap(({ findings }) => findings))];
  return unusable.length > 0 ? Math.max(worst, ExitCode.DAMAGED) : worst;
}

function printJson({ objects, unusable, parts, gone, drafts }: ListedCatalog): void {
  console.log(JSON.stringify({ objects, unusable, parts, gone, drafts }, null, 2));
}
