import { scanCatalog, worstOf, type Catalog, type CatalogObject } from '@lunbox/storage-object';
import type { Command } from 'commander';
import { EXIT_CODES, ExitCode } from './exit-code.ts';
import { layoutTree } from './layout-tree.ts';
import { formatSize } from './size.ts';

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
      const catalog = await scanCatalog(directories, { withoutCache: !flags.cache });
      if (flags.json === true) printJson(catalog);
      else printTable(catalog);
      setExitCode(exitCodeOf(catalog));
    });
}

function exitCodeOf({ objects, unusable, drafts }: Catalog): number {
  const worst = EXIT_CODES[worstOf([...objects, ...drafts].flatMap(({ findings }) => findings))];
  return unusable.length > 0 ? Math.max(worst, ExitCode.DAMAGED) : worst;
}

function printJson({ objects, unusable, parts, gone, drafts }: Catalog): void {
  console.log(JSON.stringify({ objects, unusable, parts, gone, drafts }, null, 2));
}

function printTable({ objects, unusable, parts, gone, drafts }: Catalog): void {
  const rows = objects.map(rowOf);
  const width = Math.max(0, ...objects.map(({ path }) => path.length));
  for (const [index, { path, layout, findings }] of objects.entries()) {
    console.log(`${path.padEnd(width)}  ${rows[index]!.join('  ')}`);
    if (layout !== undefined) for (const line of layoutTree(layout)) console.log(`  ${line}`);
    for (const { severity, code, message } of findings) console.log(`  ${severity}: ${message} (${code})`);
  }
  for (const { severity, code, message } of drafts.flatMap(({ findings }) => findings))
    console.log(`${severity}: ${message} (${code})`);
  for (const { path, partOf } of parts) console.log(`part: ${path} is a part of the disk ${partOf}`);
  for (const { code, message } of unusable) console.log(`unusable: ${message} (${code})`);
  for (const path of gone) console.log(`gone: ${path} was here when somebody last looked`);
}

function rowOf({ identity, capacityBytes, usedBytes, lun, holder, title }: CatalogObject): string[] {
  const sizes = `${formatSize(capacityBytes)}, ${formatSize(usedBytes)} used`;
  return [
    identity,
    sizes,
    ...(lun === undefined ? [] : [`LUN ${lun}`]),
    ...(holder === undefined ? [] : [`served by process ${holder.pid} on ${holder.host}`]),
    ...(title === undefined ? [] : [JSON.stringify(title)]),
  ];
}
