import type { BlockError } from '@lunbox/block';
import type { SnapshotError, SnapshotErrorCode } from '@lunbox/snapshot';
import type { ContainerError, ContainerErrorCode } from '@lunbox/storage-object';
import { Command, CommanderError } from 'commander';
import { createRequire } from 'node:module';
import { ServerError, type ServerErrorCode } from '../server-error.ts';
import { COMMAND_GROUPS } from './command-groups.ts';
import { ExitCode } from './exit-code.ts';

/** Refusals that only other arguments can help. */
const USAGE_CODES: ReadonlySet<string> = new Set<ServerErrorCode | ContainerErrorCode | SnapshotErrorCode>([
  'SERVER_BAD_PORTAL',
  'SERVER_BAD_NAME',
  'SERVER_BAD_OPTIONS',
  'SERVER_AUTHENTICATION_REQUIRED',
  'CONTAINER_BAD_SIZE',
  'CONTAINER_BAD_ATTRIBUTES',
  'CONTAINER_BAD_LAYOUT',
  'SNAPSHOT_BAD_NAME',
]);

/** What to do about a refusal, where the message alone does not say. */
const HINTS: Readonly<Record<string, string>> = {
  SERVER_AUTHENTICATION_REQUIRED:
    'ask for a secret with --chap-user, or say --no-auth if that is what you want',
  SERVER_UNUSABLE_STATE:
    'a newer version may have saved it; --forget-state drops it, and lets in whoever it kept out',
  CONTAINER_NOT_FOUND: 'make a disk with: lunbox create FILE --size 10G',
  CONTAINER_NOT_LUNBOX: 'make a disk with: lunbox create FILE --size 10G',
  CONTAINER_NOT_EMPTY: 'say --discard-data if it is to be lost',
  CONTAINER_UNCLEAN: 'say --force to delete it all the same',
  SNAPSHOT_NOT_FOUND: 'lunbox snap ls lists those that are there',
  SNAPSHOT_HELD: 'lunbox snap release ends a hold',
  SNAPSHOT_LIMIT: 'lunbox snap rm deletes one',
  CONTAINER_CORRUPT: 'lunbox check says what is left; nothing was changed',
};

/**
 * Runs one command line (without `node` and the script) and answers the exit code. Errors that a person can
 * do something about are printed as one line.
 */
export async function run(args: readonly string[]): Promise<number> {
  let exitCode: number = ExitCode.OK;
  const program = await buildProgram(args[0], (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    return await exitCodeOf(error);
  }
  return exitCode;
}

/** The program with the command that is named, whose code alone is loaded; with all of them when none is named. */
async function buildProgram(name: string | undefined, setExitCode: (code: number) => void): Promise<Command> {
  const program = new Command('lunbox')
    .description('A SCSI disk in a file, served over iSCSI')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'lunbox:')) })
    .showHelpAfterError('(lunbox --help lists the commands)');
  if (name === '-V' || name === '--version') return program;
  const wanted = COMMAND_GROUPS.filter(({ commands }) => commands.some((command) => command === name));
  for (const { load } of wanted.length > 0 ? wanted : COMMAND_GROUPS) (await load())(program, setExitCode);
  return program;
}

function packageVersion(): string {
  const manifest = createRequire(import.meta.url)('../../package.json') as { version: string };
  return manifest.version;
}

type ErrorForPeople = ServerError | ContainerError | SnapshotError | BlockError;

async function isForPeople(error: unknown): Promise<boolean> {
  const { BlockError } = await import('@lunbox/block');
  const { ContainerError } = await import('@lunbox/storage-object');
  const { SnapshotError } = await import('@lunbox/snapshot');
  return [ServerError, ContainerError, SnapshotError, BlockError].some((kind) => error instanceof kind);
}

/** Prints what is wrong, once, and picks the exit code. What nobody foresaw is thrown on: it is our mistake. */
async function exitCodeOf(error: unknown): Promise<number> {
  // Commander has printed its message; its own code for help and version is 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
  if (!(await isForPeople(error))) throw error;
  const { code, message } = error as ErrorForPeople;
  const hint = HINTS[code];
  console.error(`lunbox: ${message}${hint === undefined ? '' : `; ${hint}`}`);
  return USAGE_CODES.has(code) ? ExitCode.USAGE : ExitCode.FAILED;
}
