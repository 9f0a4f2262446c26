import { BlockError } from '@lunbox/block';
import { SnapshotError, type SnapshotErrorCode } from '@lunbox/snapshot';
import { ContainerError, PERMISSIONS, type ContainerErrorCode } from '@lunbox/storage-object';
import { Argument, Command, CommanderError, Option } from 'commander';
import { createRequire } from 'node:module';
import { ServerError, type ServerErrorCode } from '../server-error.ts';
import {
  lunArgument,
  positiveInteger,
  quotaArgument,
  secondsArgument,
  sizeArgument,
  textArgument,
} from './arguments.ts';
import { addAttributes } from './attributes-command.ts';
import { addCatalog } from './catalog-command.ts';
import { addCheckAndRepair } from './check-command.ts';
import { addConfig } from './config-command.ts';
import { controlServer, type ControlFlags } from './control-command.ts';
import { CONTROL_VERBS, type ControlVerb } from './control-request.ts';
import { createDisk, type CreateFlags } from './create-command.ts';
import { ExitCode } from './exit-code.ts';
import { addLayoutFlags } from './layout-flags.ts';
import { addLife } from './life-command.ts';
import { printInfo, type InfoFlags } from './info-command.ts';
import { addSnap } from './snap-command.ts';
import { serveDisks } from './serve-command.ts';
import { addServeFlags, refuseBesideConfig, type ServeFlags } from './serve-flags.ts';

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

const PHYSICAL_BLOCK_SIZES = ['512', '4096', '8192', '16384', '32768', '65536'];

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
  addCreate(program);
  program
    .command('info <file>')
    .description('describe a disk, also while it is served')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: InfoFlags) => {
      await printInfo(file, flags);
    });
  addCheckAndRepair(program, setExitCode);
  addLife(program);
  addCatalog(program, setExitCode);
  addAttributes(program);
  addSnap(program, setExitCode);
  const serve = program
    .command('serve [file...]')
    .description('serve disks and disc images as LUN 0, 1, … of one iSCSI target, until Ctrl-C');
  addServeFlags(serve).action(async (files: string[], flags: ServeFlags) => {
    if (flags.config !== undefined) refuseBesideConfig(serve, files);
    setExitCode(await serveDisks(files, flags));
  });
  addConfig(program, setExitCode);
  addControl(program);
  return program;
}

function addCreate(program: Command): void {
  const create = program
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
    .addOption(
      new Option(
        '--physical-block-size <bytes>',
        'what initiators are told to align to (default: 4096); 512 makes a 512n disk',
      ).choices(PHYSICAL_BLOCK_SIZES),
    )
    .addOption(
      new Option(
        '--protection <type>',
        'keep protection information of each block: type 1, 2 or 3, or 0 to format it later',
      ).choices(['0', '1', '2', '3']),
    )
    .option('--preallocate', 'take the space of the whole disk at once');
  addLayoutFlags(create)
    .option('--vendor <text>', 'vendor in INQUIRY data (default: LUNBOX)', textArgument(8))
    .option('--product <text>', 'product in INQUIRY data (default: LUNBOX DISK)', textArgument(16))
    .option('--revision <text>', 'revision in INQUIRY data (default: 0001)', textArgument(4))
    .option('--serial <text>', 'serial number (default: the digits of the identity)', textArgument(32))
    .option('--json', 'print one line of JSON')
    .option('--quiet', 'print nothing')
    .action(async (file: string, flags: CreateFlags) => {
      await createDisk(file, flags);
    });
}

function addControl(program: Command): void {
  program
    .command('control <socket>')
    .description('ask a server that runs with --control')
    .addArgument(new Argument('<verb>', 'what to do').choices(CONTROL_VERBS))
    .argument(
      '[words...]',
      'capture: the file to write; redirect: HOST:PORT, or nothing to end it; maintenance: -- and a command; ' +
        'eject: the LUN; insert: the LUN and the file, or nothing to push in what was ejected; ' +
        'resize: the LUN and its new size; rename: the LUN; alua: the tag of a portal group and its access state; ' +
        'users: the LUN and perhaps a user',
    )
    .option('--redirect-to <host:port>', 'drain, maintenance: where new logins go meanwhile')
    .option(
      '--timeout <seconds>',
      'drain, maintenance: how long initiators have to log out (default: 5)',
      secondsArgument,
    )
    .option('--permanent', 'redirect: initiators may remember the new address')
    .option('--initiator <iqn>', 'redirect: this initiator only')
    .option('--sessions <n>', 'redirect: while the server has that many sessions', positiveInteger)
    .option('--lun <n>', 'alua: this LUN only', lunArgument)
    .option('--product <text>', 'rename: PRODUCT IDENTIFICATION of INQUIRY', textArgument(16))
    .option('--revision <text>', 'rename: PRODUCT REVISION LEVEL of INQUIRY', textArgument(4))
    .addOption(new Option('--permission <permission>', 'users: what the user may do').choices(PERMISSIONS))
    .option('--quota <size>', 'users: how far the user may fill the disk, or none', quotaArgument)
    .option('--remove', 'users: take the user out of the list')
    .option('--everybody', 'users: drop the list; everybody may do everything')
    .option('--force', 'eject: also when an initiator prevents it')
    .option('--json', 'catalog, rescan: print JSON, as status and others do')
    .option('--portal-group <tag>', 'redirect: at portals of this group only', positiveInteger)
    .action(async (socket: string, verb: ControlVerb, words: string[], flags: ControlFlags) => {
      await controlServer(socket, verb, words, flags);
    });
}

function packageVersion(): string {
  const manifest = createRequire(import.meta.url)('../../package.json') as { version: string };
  return manifest.version;
}

function isForPeople(error: unknown): error is ServerError | ContainerError | SnapshotError | BlockError {
  return [ServerError, ContainerError, SnapshotError, BlockError].some((kind) => error instanceof kind);
}

/** Prints what is wrong, once, and picks the exit code. What nobody foresaw is thrown on: it is our mistake. */
function exitCodeOf(error: unknown): number {
  // Commander has printed its message; its own code for help and version is 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
  if (!isForPeople(error)) throw error;
  const { code, message } = error;
  const hint = HINTS[code];
  console.error(`lunbox: ${message}${hint === undefined ? '' : `; ${hint}`}`);
  return USAGE_CODES.has(code) ? ExitCode.USAGE : ExitCode.FAILED;
}
