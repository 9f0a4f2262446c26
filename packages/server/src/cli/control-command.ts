import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ServerError } from '../server-error.ts';
import { ControlConnection, type Reply } from './control-connection.ts';
import type { ControlRequest, ControlVerb } from './control-request.ts';
import { parseSize } from './size.ts';

/** Flags of `lunbox control`. */
export interface ControlFlags {
  readonly redirectTo?: string;
  readonly timeout?: number;
  readonly permanent?: boolean;
  readonly initiator?: string;
  readonly portalGroup?: number;
  readonly sessions?: number;
  readonly force?: boolean;
}

/** Where a field of a request comes from, besides words: an address, a LUN, and the file or the size of its medium. */
const FLAGS: Readonly<Record<keyof ControlFlags, string>> = {
  redirectTo: '--redirect-to',
  timeout: '--timeout',
  permanent: '--permanent',
  initiator: '--initiator',
  portalGroup: '--portal-group',
  sessions: '--sessions',
  force: '--force',
};

/** What may follow a verb. */
interface Usage {
  readonly maxWords: number;
  readonly flags: readonly (keyof ControlFlags)[];
}

const NOTHING: Usage = { maxWords: 0, flags: [] };
const USAGES: Readonly<Record<ControlVerb, Usage>> = {
  status: NOTHING,
  statistics: NOTHING,
  capture: { maxWords: 1, flags: [] },
  drain: { maxWords: 0, flags: ['redirectTo', 'timeout'] },
  resume: NOTHING,
  maintenance: { maxWords: Infinity, flags: ['redirectTo', 'timeout'] },
  redirect: { maxWords: 1, flags: ['permanent', 'initiator', 'portalGroup', 'sessions'] },
  eject: { maxWords: 1, flags: ['force'] },
  insert: { maxWords: 2, flags: [] },
  resize: { maxWords: 2, flags: [] },
};

/** The verbs whose words name a medium. */
const ABOUT_MEDIA: ReadonlySet<ControlVerb> = new Set(['eject', 'insert', 'resize']);

/** What is printed of an answer. */
const PRINTED: ReadonlySet<ControlVerb> = new Set(['status', 'statistics', 'redirect']);

/** `lunbox control`: asks the server behind a control socket to do something, and prints what it says. */
export async function controlServer(
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
  if (PRINTED.has(verb)) console.log(JSON.stringify(result, null, 2));
}

/** A flag that means nothing to a verb was meant for another one: who is asked to do less must not do more. */
function checkUsage(verb: ControlVerb, words: readonly string[], flags: ControlFlags): void {
  const { maxWords, flags: allowed } = USAGES[verb];
  if (words.length > maxWords) throw bad(`too many arguments for ${verb}`);
  const given = (Object.keys(FLAGS) as (keyof ControlFlags)[]).filter((flag) => flags[flag] !== undefined);
  const stray = given.find((flag) => !allowed.includes(flag));
  if (stray !== undefined) throw bad(`${FLAGS[stray]} does not belong to ${verb}`);
  const [first] = given;
  if (verb === 'redirect' && words.length === 0 && first !== undefined) {
    throw bad(`${FLAGS[first]} needs an address; redirect alone ends every redirection`);
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
  const { redirectTo, timeout, permanent, initiator, portalGroup, sessions, force } = flags;
  const address = verb === 'redirect' ? words[0] : redirectTo;
  return {
    verb,
    ...(ABOUT_MEDIA.has(verb) ? mediumOf(verb, words) : {}),
    ...(force === undefined ? {} : { force }),
    ...(address === undefined ? {} : { address }),
    ...(timeout === undefined ? {} : { timeoutMs: Math.round(timeout * 1000) }),
    ...(permanent === undefined ? {} : { permanent }),
    ...(initiator === undefined ? {} : { initiator }),
    ...(portalGroup === undefined ? {} : { portalGroup }),
    ...(sessions === undefined ? {} : { sessions }),
  };
}

/** `LUN` of eject, `LUN FILE` of insert, `LUN SIZE` of resize. */
function mediumOf(verb: ControlVerb, [lun, what]: readonly string[]): Omit<ControlRequest, 'verb'> {
  if (lun === undefined || !/^\d{1,3}$/.test(lun)) throw bad(`${verb} needs the number of a LUN`);
  if (verb === 'resize') return { lun: Number(lun), sizeBytes: sizeOf(what) };
  return { lun: Number(lun), ...(what === undefined ? {} : { path: resolve(what) }) };
}

function sizeOf(text = ''): number {
  const sizeBytes = parseSize(text);
  if (sizeBytes === undefined) throw bad('resize needs the new size, such as 10G, 512M or 1T');
  return sizeBytes;
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
