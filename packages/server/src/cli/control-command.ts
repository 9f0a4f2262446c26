import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { ServerError, type ServerErrorCode } from '../server-error.ts';
import { CONTROL_VERBS, type ControlRequest, type ControlVerb } from './control-request.ts';

/** Flags of `lunbox control`. */
export interface ControlFlags {
  readonly redirectTo?: string;
  readonly timeout?: number;
  readonly permanent?: boolean;
  readonly initiator?: string;
  readonly portalGroup?: number;
  readonly sessions?: number;
}

/** A server's answer: its JSON line, and the bytes after it. */
interface Answer {
  readonly ok: boolean;
  readonly result?: unknown;
  readonly code?: ServerErrorCode;
  readonly message?: string;
}

const NEWLINE = 0x0a;

/** What can be asked for: the verbs of the server, and one that is made of two of them. */
export type CommandVerb = ControlVerb | 'maintenance';

/** Every {@link CommandVerb}, for help and messages. */
export const COMMAND_VERBS: readonly CommandVerb[] = [...CONTROL_VERBS, 'maintenance'];

/** How many words may follow a verb. */
const MAX_WORDS: Readonly<Partial<Record<CommandVerb, number>>> = {
  capture: 1,
  redirect: 1,
  maintenance: Infinity,
};

/** `lunbox control`: asks the server behind a control socket to do something, and prints what it says. */
export async function controlServer(
  socketPath: string,
  verb: CommandVerb,
  words: readonly string[],
  flags: ControlFlags,
): Promise<void> {
  if (words.length > (MAX_WORDS[verb] ?? 0)) throw bad(`too many arguments for ${verb}`);
  if (verb === 'maintenance') return maintain(socketPath, words, flags);
  const [word] = words;
  if (verb === 'capture' && word === undefined) throw bad('capture needs the name of a file to write');
  const { result, payload } = await ask(socketPath, requestOf(verb, word, flags));
  if (verb === 'capture') saveCapture(word ?? '', payload);
  if (verb === 'status' || verb === 'statistics') console.log(JSON.stringify(result, null, 2));
}

/** Runs a command while nobody is logged in, and has logins taken again whatever became of it. */
async function maintain(socketPath: string, words: readonly string[], flags: ControlFlags): Promise<void> {
  const [command, ...args] = words;
  if (command === undefined) throw bad('maintenance needs a command to run, behind --');
  await ask(socketPath, requestOf('drain', undefined, flags));
  const ended = await runCommand(command, args).finally(() => ask(socketPath, { verb: 'resume' }));
  if (ended === 0) return;
  const message = `${command} ended with ${ended}; logins are taken again`;
  throw new ServerError('SERVER_MAINTENANCE_FAILED', message);
}

/** Answers the exit status, or the name of what ended the command or kept it from starting. */
async function runCommand(command: string, args: readonly string[]): Promise<number | string> {
  // Ctrl-C reaches the command by itself; what is begun here is ended here.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  const child = spawn(command, args, { stdio: 'inherit' });
  const ended = await new Promise<number | string>((resolve) => {
    child.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown error'));
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'unknown error'));
  });
  process.off('SIGINT', ignore);
  return ended;
}

function requestOf(verb: ControlVerb, argument: string | undefined, flags: ControlFlags): ControlRequest {
  const { redirectTo, timeout, permanent, initiator, portalGroup, sessions } = flags;
  const address = verb === 'redirect' ? argument : redirectTo;
  return {
    verb,
    ...(address === undefined ? {} : { address }),
    ...(timeout === undefined ? {} : { timeoutMs: Math.round(timeout * 1000) }),
    ...(permanent === undefined ? {} : { permanent }),
    ...(initiator === undefined ? {} : { initiator }),
    ...(portalGroup === undefined ? {} : { portalGroup }),
    ...(sessions === undefined ? {} : { sessions }),
  };
}

/** Sends a request and waits for its answer. Throws a {@link ServerError} when it is refused. */
async function ask(path: string, request: ControlRequest): Promise<{ result: unknown; payload: Buffer }> {
  const whole = await exchange(path, `${JSON.stringify(request)}\n`);
  const end = whole.indexOf(NEWLINE);
  if (end < 0) throw new ServerError('SERVER_CONTROL_UNAVAILABLE', 'the server ended before it answered');
  const answer = JSON.parse(whole.toString('utf8', 0, end)) as Answer;
  if (!answer.ok) throw new ServerError(answer.code ?? 'SERVER_BAD_OPTIONS', answer.message ?? '');
  return { result: answer.result, payload: whole.subarray(end + 1) };
}

/** Everything that comes back when `line` is sent. */
async function exchange(path: string, line: string): Promise<Buffer> {
  const socket = connect({ path, allowHalfOpen: true });
  try {
    await once(socket, 'connect');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const message = `no server answers at ${path} (${code}); start one with: lunbox serve … --control ${path}`;
    throw new ServerError('SERVER_CONTROL_UNAVAILABLE', message, { cause: error });
  }
  socket.write(line);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
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
