import { ACCESS_STATES } from '@lunbox/scsi';
import { PERMISSIONS, type Permission } from '@lunbox/storage-object';
import { Argument, Option, type Command } from 'commander';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ServerError } from '../server-error.ts';
import {
  lunArgument,
  positiveInteger,
  quotaArgument,
  quotaOf,
  secondsArgument,
  textArgument,
  userArgument,
  type QuotaArgument,
} from './arguments.ts';
import { catalogTable } from './catalog-table.ts';
import { ControlConnection, type Reply } from './control-connection.ts';
import {
  checkControlRequest,
  CONTROL_VERBS,
  shapeOf,
  type ControlField,
  type ControlRequest,
  type ControlVerb,
} from './control-request.ts';
import type { ToldCatalog } from './control-verbs.ts';
import { parseSize } from './size.ts';

interface ControlFlags {
  readonly redirectTo?: string;
  readonly timeout?: number;
  readonly permanent?: boolean;
  readonly initiator?: string;
  readonly portalGroup?: number;
  readonly sessions?: number;
  readonly force?: boolean;
  readonly readOnly?: boolean;
  readonly lun?: number;
  readonly product?: string;
  readonly revision?: string;
  readonly permission?: Permission;
  readonly quota?: QuotaArgument;
  readonly remove?: boolean;
  readonly everybody?: boolean;
  readonly json?: boolean;
}

/** A flag, how it is written, and the field that it is in a request. */
const FLAGS: readonly {
  readonly flag: keyof ControlFlags;
  readonly written: string;
  readonly field: ControlField;
}[] = [
  { flag: 'redirectTo', written: '--redirect-to', field: 'address' },
  { flag: 'timeout', written: '--timeout', field: 'timeoutMs' },
  { flag: 'permanent', written: '--permanent', field: 'permanent' },
  { flag: 'initiator', written: '--initiator', field: 'initiator' },
  { flag: 'portalGroup', written: '--portal-group', field: 'portalGroup' },
  { flag: 'sessions', written: '--sessions', field: 'sessions' },
  { flag: 'force', written: '--force', field: 'force' },
  { flag: 'readOnly', written: '--read-only', field: 'readOnly' },
  { flag: 'lun', written: '--lun', field: 'lun' },
  { flag: 'product', written: '--product', field: 'product' },
  { flag: 'revision', written: '--revision', field: 'revision' },
  { flag: 'permission', written: '--permission', field: 'permission' },
  { flag: 'quota', written: '--quota', field: 'quotaBytes' },
  { flag: 'remove', written: '--remove', field: 'remove' },
  { flag: 'everybody', written: '--everybody', field: 'everybody' },
];

/** Words that are not for the server: a file of this side, and a command to run here. */
const OWN_WORDS: Readonly<Partial<Record<ControlVerb, number>>> = { capture: 1, maintenance: Infinity };

/** How a word says a field; undefined for a word that says something else. */
interface WordFormat {
  readonly what: string;
  readonly read: (text: string) => unknown;
}

const numberOf = (text: string): number | undefined => (/^\d{1,5}$/.test(text) ? Number(text) : undefined);
const asItIs = (text: string): string => text;

const WORDS: Readonly<Partial<Record<ControlField, WordFormat>>> = {
  address: { what: 'an address', read: asItIs },
  lun: { what: 'the number of a LUN', read: numberOf },
  user: { what: 'the name of a user', read: userArgument },
  path: { what: 'a file', read: (text) => resolve(text) },
  sizeBytes: { what: 'the new size, such as 10G, 512M or 1T', read: parseSize },
  portalGroup: { what: 'the tag of a portal group', read: numberOf },
  state: { what: `an access state: ${ACCESS_STATES.join(', ')}`, read: asItIs },
};

/** How an answer is printed without `--json`; what is not here prints nothing. */
const PRINTED: Readonly<Partial<Record<ControlVerb, (result: unknown) => string>>> = {
  status: asJson,
  statistics: asJson,
  redirect: asJson,
  attach: asJson,
  users: asJson,
  catalog: asTable,
  rescan: asTable,
};

/** Adds `lunbox control`. */
export function addControl(program: Command): void {
  program
    .command('control <socket>')
    .description('ask a server that runs with --control')
    .addArgument(new Argument('<verb>', 'what to do').choices(CONTROL_VERBS))
    .argument(
      '[words...]',
      'capture: the file to write; redirect: HOST:PORT, or nothing to end it; maintenance: -- and a command; ' +
        'eject: the LUN; insert: the LUN and the file, or nothing to push in what was ejected; ' +
        'attach: the file, and perhaps the LUN that it gets; detach: the LUN; ' +
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
    .option('--force', 'eject, detach: also when an initiator prevents it, or uses the disk')
    .option('--read-only', 'attach: refuse every change')
    .option('--json', 'catalog, rescan: print JSON, as status and others do')
    .option('--portal-group <tag>', 'redirect: at portals of this group only', positiveInteger)
    .action(async (socket: string, verb: ControlVerb, words: string[], flags: ControlFlags) => {
      await controlServer(socket, verb, words, flags);
    });
}

/** `lunbox control`: asks the server behind a control socket to do something, and prints what it says. */
async function controlServer(
  socketPath: string,
  verb: ControlVerb,
  words: readonly string[],
  flags: ControlFlags,
): Promise<void> {
  checkUsage(verb, words, flags);
  if (verb === 'maintenance') return maintain(socketPath, words, flags);
  const [word] = words;
  if (verb === 'capture' && word === undefined) throw bad('capture needs the name of a file to write');
  const { result, payload } = await ask(socketPath, requestOf(verb, words, flags));
  if (verb === 'capture') saveCapture(word ?? '', payload);
  const print = PRINTED[verb];
  if (print !== undefined) console.log(flags.json === true ? asJson(result) : print(result));
}

function asJson(result: unknown): string {
  return JSON.stringify(result, null, 2);
}

function asTable(result: unknown): string {
  const told = result as ToldCatalog;
  const age = `directories as they were at ${new Date(told.scannedAtMs).toISOString()}`;
  const fault = told.fault === undefined ? [] : [`warning: ${told.fault}`];
  return [...catalogTable(told), ...fault, age].join('\n');
}

/** A flag that means nothing to a verb was meant for another one: who is asked to do less must not do more. */
function checkUsage(verb: ControlVerb, words: readonly string[], flags: ControlFlags): void {
  const shape = shapeOf(verb);
  if (words.length > (OWN_WORDS[verb] ?? shape.words.length)) throw bad(`too many arguments for ${verb}`);
  if (flags.json === true && PRINTED[verb] === undefined) throw bad(`--json does not belong to ${verb}`);
  const given = FLAGS.filter(({ flag }) => flags[flag] !== undefined);
  const stray = given.find(({ field }) => !shape.flags.includes(field));
  if (stray !== undefined) throw bad(`${stray.written} does not belong to ${verb}`);
  const [first] = given;
  if (verb === 'redirect' && words.length === 0 && first !== undefined) {
    throw bad(`${first.written} needs an address; redirect alone ends every redirection`);
  }
}

/**
 * Runs a command while nobody is logged in. Logins are taken again when the connection to the server ends, so that
 * whatever becomes of this program they are.
 */
async function maintain(socketPath: string, words: readonly string[], flags: ControlFlags): Promise<void> {
  const [command, ...args] = words;
  if (command === undefined) throw bad('maintenance needs a command to run, behind --');
  const connection = await ControlConnection.open(socketPath, requestOf('maintenance', [], flags));
  await connection.begun();
  const ended = await runCommand(command, args);
  await connection.finish();
  if (ended === 0) return;
  const message = `${command} ended with ${ended}; logins are taken again`;
  throw new ServerError('SERVER_MAINTENANCE_FAILED', message);
}

/** Answers the exit status, or the name of what ended the command or kept it from starting. */
async function runCommand(command: string, args: readonly string[]): Promise<number | string> {
  // Logins wait for the command, and so does this program. Ctrl-C reaches the command by itself.
  const signals = {
    SIGINT: () => undefined,
    SIGTERM: () => child.kill(),
    SIGHUP: () => child.kill('SIGHUP'),
  };
  for (const [name, act] of Object.entries(signals)) process.on(name, act);
  const child = spawn(command, args, { stdio: 'inherit' });
  const ended = await new Promise<number | string>((resolve) => {
    child.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown error'));
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'unknown error'));
  });
  for (const [name, act] of Object.entries(signals)) process.off(name, act);
  return ended;
}

function requestOf(verb: ControlVerb, words: readonly string[], flags: ControlFlags): ControlRequest {
  const shape = shapeOf(verb);
  const timeoutMs = flags.timeout === undefined ? undefined : Math.round(flags.timeout * 1000);
  const fromWords = shape.words.map((field, index) => [field, wordAs(verb, field, words[index])]);
  const values: Partial<Record<keyof ControlFlags, unknown>> = {
    ...flags,
    timeout: timeoutMs,
    quota: quotaOf(flags.quota),
  };
  const fromFlags = FLAGS.map(({ flag, field }) => [field, values[flag]]);
  const given = [...fromFlags, ...fromWords].filter(([, value]) => value !== undefined);
  return checkControlRequest({ verb, ...Object.fromEntries(given) });
}

function wordAs(verb: ControlVerb, field: ControlField, word: string | undefined): unknown {
  const format = WORDS[field];
  if (format === undefined) throw new Error(`nobody says how a word is a ${field}`);
  const value = word === undefined ? undefined : format.read(word);
  const wanted = word !== undefined || shapeOf(verb).needed.includes(field);
  if (wanted && value === undefined) throw bad(`${verb} needs ${format.what}`);
  return value;
}

/** Sends a request and waits for its answer. Throws a {@link ServerError} when it is refused. */
async function ask(path: string, request: ControlRequest): Promise<Reply> {
  const connection = await ControlConnection.open(path, request);
  return connection.answer();
}

/** What was recorded holds what the disks hold. */
function saveCapture(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new ServerError('SERVER_BAD_OPTIONS', `cannot write ${path}: ${code}`, { cause: error });
  }
  console.log(`${path}: ${bytes.length} bytes; open it with Wireshark`);
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
