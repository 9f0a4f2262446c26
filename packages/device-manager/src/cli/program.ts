import { Command, CommanderError } from 'commander';
import { createRequire } from 'node:module';
import { ManagerError } from '../manager-error.ts';
import { addAgent } from './agent-command.ts';
import { addRestore } from './restore-command.ts';
import { addSnapshot } from './snapshot-command.ts';
import { addStatus } from './status-command.ts';

/** How `lunbox-manager` ends; docs/device-manager.md lists them. */
const ExitCode = { OK: 0, FAILED: 1, USAGE: 2 } as const;

/** Runs one command line (without `node` and the script) and answers the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const manifest = createRequire(import.meta.url)('../../package.json') as { version: string };
  const program = new Command('lunbox-manager')
    .description('Snapshots of disks that applications use: suspends them, takes the snapshot, resumes them')
    .version(manifest.version, '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'lunbox-manager:')) })
    .showHelpAfterError('(lunbox-manager --help lists the commands)');
  for (const add of [addSnapshot, addRestore, addStatus, addAgent]) add(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
    if (!(error instanceof ManagerError)) throw error;
    for (const line of error.message.split('\n')) console.error(`lunbox-manager: ${line}`);
    return error.code === 'MANAGER_BAD_PLAN' ? ExitCode.USAGE : ExitCode.FAILED;
  }
}
