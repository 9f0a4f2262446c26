import { BlockError } from '@lunbox/block';
import { ContainerError, type ContainerErrorCode } from '@lunbox/storage-object';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { createRequire } from 'node:module';
import { ServerError, type ServerErrorCode } from '../server-error.ts';
import { createDisk, type CreateFlags } from './create-command.ts';
import { ExitCode } from './exit-code.ts';
import { printInfo, type InfoFlags } from './info-command.ts';
import { serveDisks, type ServeFlags } from './serve-command.ts';
import { parseSize } from './size.ts';

/** Refusals that only other arguments can help. */
const USAGE_CODES: ReadonlySet<string> = new Set<ServerErrorCode | ContainerErrorCode>([
  'SERVER_BAD_PORTAL',
  'SERVER_BAD_NAME',
  'SERVER_BAD_OPTIONS',
  'SERVER_AUTHENTICATION_REQUIRED',
  'CONTAINER_BAD_SIZE',
]);

/** What to do about a refusal, where the message alone does not say. */
const HINTS: Readonly<Record<string, string>> = {
  SERVER_AUTHENTICATION_REQUIRED:
    'ask for a secret with --chap-user, or say --no-auth if that is what you want',
  CONTAINER_NOT_FOUND: 'make a disk with: lunbox create FILE --size 10G',
  CONTAINER_NOT_LUNBOX: 'make a disk with: lunbox create FILE --size 10G',
  CONTAINER_CORRUPT: 'restore it from a backup; nothing was changed',
};

/**
 * Runs one command line (without `node` and the script) and answers the exit code. Errors that a person can
 * do something about are printed as one line.
 */
export async function run(args: readonly string[]): Promise<number> {
  let exitCode: number = ExitCode.OK;
  const program = buildProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    return exitCodeOf(error);
  }
  return exitCode;
}

function buildProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('lunbox')
    .description('A SCSI disk in a file, served over iSCSI')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'lunbox:')) })
    .showHelpAfterError('(lunbox --help lists the commands)');
  program
    .command('create <file>')
    .description('create a disk in a new file; blocks take space when they are written')
    .requiredOption(
      '--size <size>',
      'capacity, such as 10G, 512M, 1T or bytes (powers of 1024)',
      sizeArgument,
    )
    .addOption(
      new Option('--block-size <bytes>', 'logical block length').choices(['512', '4096']).default('512'),
    )
    .option('--json', 'print one line of JSON')
    .option('--quiet', 'print nothing')
    .action(async (file: string, flags: CreateFlags) => {
      await createDisk(file, flags);
    });
  program
    .command('info <file>')
    .description('describe a disk, also while it is served')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: InfoFlags) => {
      await printInfo(file, flags);
    });
  program
    .command('serve <file...>')
    .description('serve disks as LUN 0, 1, … of one iSCSI target, until Ctrl-C')
    .option('--portal <host:port>', 'where to listen; port 0 takes a free one (repeatable)', collect)
    .option(
      '--advertise <host:port>',
      'address to tell initiators instead of the portal (repeatable)',
      collect,
    )
    .option('--iqn <iqn>', 'name of the target (default: made from the identity of the first disk)')
    .option('--read-only', 'refuse every change to the disks')
    .option('--keep-identity', 'a copied file keeps the identity of its original (never serve both)')
    .option('--chap-user <name>', 'initiators log in under this name with a secret (CHAP)')
    .option('--chap-secret-file <file>', 'file with the secret of initiators (or LUNBOX_CHAP_SECRET)')
    .option('--mutual-user <name>', 'name under which the target proves itself to initiators (mutual CHAP)')
    .option('--mutual-secret-file <file>', 'file with the secret of the target (or LUNBOX_MUTUAL_SECRET)')
    .option('--allow-short-secrets', 'take secrets of less than 12 bytes')
    .option('--allow <iqn>', 'initiators that may log in; * and ? are wildcards (repeatable)', collect)
    .option('--initiator-address <cidr>', 'addresses that initiators may come from (repeatable)', collect)
    .option('--no-auth', 'let initiators in without a secret at a portal that is not loopback')
    .option('--json', 'print one line of JSON when the disks can be reached')
    .action(async (files: string[], flags: ServeFlags) => {
      setExitCode(await serveDisks(files, flags));
    });
  return program;
}

function sizeArgument(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('Write a size such as 10G, 512M or 1T.');
  return bytes;
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function packageVersion(): string {
  const manifest = createRequire(import.meta.url)('../../package.json') as { version: string };
  return manifest.version;
}

/** Prints what is wrong, once, and picks the exit code. What nobody foresaw is thrown on: it is our mistake. */
function exitCodeOf(error: unknown): number {
  // Commander has printed its message; its own code for help and version is 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
  if (!(error instanceof ServerError || error instanceof ContainerError || error instanceof BlockError))
    throw error;
  const { code, message } = error;
  const hint = HINTS[code];
  console.error(`lunbox: ${message}${hint === undefined ? '' : `; ${hint}`}`);
  return USAGE_CODES.has(code) ? ExitCode.USAGE : ExitCode.FAILED;
}
