import { inspectSnapshots } from '@lunbox/snapshot';
import {
  checkContainer,
  ContainerError,
  findDrafts,
  findSharedIdentities,
  repairContainer,
  repairDrafts,
  type CheckReport,
  type RepairReport,
  type ScanProgress,
  type Severity,
  worstOf,
} from '@lunbox/storage-object';
import type { Command } from 'commander';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ServerError } from '../server-error.ts';
import { EXIT_CODES, ExitCode } from './exit-code.ts';

interface CheckFlags {
  readonly data?: boolean;
  readonly json?: boolean;
}

interface RepairFlags {
  readonly apply?: boolean;
  readonly extend?: boolean;
  readonly json?: boolean;
}

const VERDICTS: Readonly<Record<Severity, string>> = {
  note: 'sound',
  warning: 'sound, with warnings',
  error: 'damaged; lunbox repair can mend it',
  loss: 'damaged beyond what a repair can mend',
};

/** Adds `lunbox check` and `lunbox repair`. */
export function addCheckAndRepair(program: Command, setExitCode: (code: number) => void): void {
  program
    .command('check <path...>')
    .description('look for damage in disks, or in a directory with its disks (*.lun); changes nothing')
    .option('--data', 'read every block that takes space, too')
    .option('--json', 'print one line of JSON for each disk')
    .action(async (paths: string[], flags: CheckFlags) => setExitCode(await checkDisks(paths, flags)));
  program
    .command('repair <path>')
    .description(
      'say how what check has found in a disk or a directory can be mended, and mend it with --apply',
    )
    .option('--dry-run', 'only say what would be done; this is the default')
    .option('--apply', 'do it, and save what is written over beside the disk')
    .option('--extend', 'make a file that was cut short long enough again; what it lacks reads as zeroes')
    .option('--json', 'print one line of JSON')
    .action(async (path: string, flags: RepairFlags & { dryRun?: boolean }) => {
      if (flags.apply === true && flags.dryRun === true)
        throw new ServerError('SERVER_BAD_OPTIONS', '--apply and --dry-run exclude each other');
      setExitCode(await repairDisk(path, flags));
    });
}

async function checkDisks(paths: readonly string[], flags: CheckFlags): Promise<number> {
  const reports: CheckReport[] = [];
  for (const path of paths.flatMap(disksAt)) {
    const readData = flags.data === true;
    const report = await checkContainer(path, { readData, onProgress: progressLine(path) });
    reports.push(await withSnapshots(report));
  }
  const judged = [...findSharedIdentities(reports), ...(await checkDrafts(paths))];
  for (const report of judged) {
    if (flags.json === true) console.log(JSON.stringify(report));
    else printReport(report);
  }
  return Math.max(ExitCode.OK, ...judged.map(({ verdict }) => EXIT_CODES[verdict]));
}

/** Adds what is wrong with the snapshots of a disk. One whose header cannot be read does not tell which they are. */
async function withSnapshots(report: CheckReport): Promise<CheckReport> {
  try {
    const found = await inspectSnapshots(report.path, { areas: true });
    const findings = [...report.findings, ...found.findings];
    return { ...report, findings, verdict: worstOf(findings) };
  } catch (error) {
    if (error instanceof ContainerError) return report;
    throw error;
  }
}

/** What was left in directories by commands that were killed. */
async function checkDrafts(paths: readonly string[]): Promise<CheckReport[]> {
  const reports: CheckReport[] = [];
  for (const directory of paths.filter(isDirectory)) {
    for (const { path, findings } of await findDrafts(directory))
      reports.push({ path, identity: undefined, verdict: worstOf(findings), findings });
  }
  return reports;
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** A disk, or the disks in a directory. */
function disksAt(path: string): string[] {
  if (!isDirectory(path)) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith('.lun'));
  return names.sort().map((name) => join(path, name));
}

function printReport({ path, verdict, findings }: CheckReport): void {
  console.log(`${path}: ${VERDICTS[verdict]}`);
  for (const { severity, code, message } of findings) console.log(`  ${severity}: ${message} (${code})`);
}

/** Shows on a terminal how far reading has come. */
function progressLine(path: string): (progress: ScanProgress) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return ({ doneBytes, totalBytes, unreadableBytes }) => {
    const percent = Math.floor((doneBytes / totalBytes) * 100);
    const lost = unreadableBytes === 0 ? '' : `, ${unreadableBytes} bytes unreadable`;
    process.stderr.write(`\r${path}: ${percent} %${lost}${doneBytes === totalBytes ? '\n' : ''}`);
  };
}

async function repairDisk(path: string, flags: RepairFlags): Promise<number> {
  const options = { apply: flags.apply === true, extend: flags.extend === true };
  const repaired = await (isDirectory(path) ? repairDrafts : repairContainer)(path, options);
  const report = isDirectory(path) ? repaired : { ...repaired, check: await withSnapshots(repaired.check) };
  if (flags.json === true) console.log(JSON.stringify(report));
  else printRepair(report);
  return EXIT_CODES[report.check.verdict];
}

function printRepair({ path, steps, applied, savedPath, check }: RepairReport): void {
  const done = applied ? 'did' : 'would';
  for (const { action } of steps) console.log(`${done}: ${action}`);
  if (steps.length === 0) console.log(`${path}: there is nothing that a repair can do`);
  if (savedPath !== undefined) console.log(`What was written over is in ${savedPath}`);
  if (steps.length > 0 && !applied) console.log('Nothing was changed; say --apply to do it.');
  printReport(check);
}
