import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { ServerError, type ServerErrorCode } from '../server-error.ts';
import type { ControlRequest, ControlVerb } from './control-verbs.ts';

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

/** `lunbox control`: asks the server behind a control socket to do something, and prints what it says. */
export async function controlServer(
  socketPath: string,
  verb: ControlVerb,
  argument: string | undefined,
  flags: ControlFlags,
): Promise<void> {
  if (verb === 'capture' && argument === undefined) throw bad('capture needs the name of a file to write');
  if (verb !== 'capture' && verb !== 'redirect' && argument !== undefined)
    throw bad(`${verb} takes no argument`);
  const { answer, payload } = await ask(socketPath, requestOf(verb, argument, flags));
  if (!answer.ok) throw new ServerError(answer.code ?? 'SERVER_BAD_OPTIONS', answer.message ?? '');
  if (verb === 'capture') saveCapture(argument ?? '', payload);
  if (verb === 'status' || verb === 'statistics') console.log(JSON.stringify(answer.result, null, 2));
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

async function ask(path: string, request: ControlRequest): Promise<{ answer: Answer; payload: Buffer }> {
  const socket = connect({ path, allowHalfOpen: true });
  try {
    await once(socket, 'connect');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const message = `no server answers at ${path} (${code}); start one with: lunbox serve … --control ${path}`;
    throw new ServerError('SERVER_CONTROL_UNAVAILABLE', message, { cause: error });
  }
  socket.write(`${JSON.stringify(request)}\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  const end = whole.indexOf(NEWLINE);
  if (end < 0) throw new ServerError('SERVER_CONTROL_UNAVAILABLE', 'the server ended before it answered');
  return { answer: JSON.parse(whole.toString('utf8', 0, end)) as Answer, payload: whole.subarray(end + 1) };
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
