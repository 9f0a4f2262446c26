import { BlockError } from '@lunbox/block';
import { TargetError } from '@lunbox/iscsi-target';
import { SnapshotError } from '@lunbox/snapshot';
import { ContainerError } from '@lunbox/storage-object';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { ServerError } from '../server-error.ts';
import { clearSocketFile } from '../socket-files.ts';

const MAX_CONNECTIONS = 16;
/** A request is one short line, and comes at once. */
const MAX_REQUEST_BYTES = 65_536;
const REQUEST_TIMEOUT_MS = 5000;
/** Nobody but the owner may connect. */
const UMASK = 0o177;

/** How far long work has come. */
export interface WorkProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** What a verb answers: an object, and bytes that follow it. */
export interface ControlAnswer {
  readonly result: unknown;
  /** Bytes, or as they come; what fails then ends the connection, so that nobody takes them for all. */
  readonly payload?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Who asks: the other end of the connection on which a request came. */
export interface Asker {
  /** Settles when the asker has ended its side, or is gone. */
  readonly ended: Promise<void>;
  /** Says that the work of the asker may begin: one line of JSON ahead of the answer. */
  readonly begin: () => void;
  /** Tells how far long work has come: one line of JSON ahead of the answer. */
  readonly progress: (progress: WorkProgress) => void;
}

/** Does what one request asks for. Errors of the kinds that have a code are told to the asker; others are ours. */
export type ControlHandler = (request: unknown, asker: Asker) => Promise<ControlAnswer>;

/**
 * A socket in the file system (a named pipe on Windows) at which the owner of a running server asks it to do
 * something: one JSON line there, one JSON line back, and the bytes that belong to it. Work that lasts as long as the
 * asker stays is `{"begun":true}` first, and answered when it has ended.
 */
export class ControlSocket {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /**
   * Listens at `path`; a socket that a killed server left behind is replaced.
   *
   * Throws a {@link ServerError} `SERVER_CONTROL_UNAVAILABLE`.
   */
  static async open(path: string, handle: ControlHandler): Promise<ControlSocket> {
    const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, handle));
    server.maxConnections = MAX_CONNECTIONS;
    try {
      await listenAlone(server, path);
    } catch (error) {
      throw error instanceof ServerError ? error : unavailable(path, codeOf(error), error);
    }
    return new ControlSocket(server);
  }

  /** Takes no more requests, and ends those that are there. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Listens at `path`, in place of what a server left there that is no more. */
async function listenAlone(server: Server, path: string): Promise<void> {
  // Node takes a number for a TCP port, at every address of the machine.
  if (Number(path) >= 0) throw unavailable(path, 'a number is no file; write ./ before it');
  try {
    await listen(server, path);
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    const place = await clearSocketFile(path);
    if (place === 'file') throw unavailable(path, 'there is a file of that name', error);
    if (place === 'in use') throw unavailable(path, 'another server listens there', error);
    await listen(server, path);
  }
}

async function listen(server: Server, path: string): Promise<void> {
  const listening = once(server, 'listening');
  // The file is made in this turn, and with these permissions.
  const before = process.umask(UMASK);
  server.listen(path);
  process.umask(before);
  await listening;
}

function serve(socket: Socket, handle: ControlHandler): void {
  let received = '';
  socket.setEncoding('utf8').setTimeout(REQUEST_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => undefined);
  const asker: Asker = {
    ended: new Promise((resolve) => socket.once('end', resolve).once('close', () => resolve())),
    begin: () => void socket.write('{"begun":true}\n'),
    progress: (progress) => void socket.write(`${JSON.stringify({ progress })}\n`),
  };
  const take = (chunk: string): void => {
    received += chunk;
    const end = received.indexOf('\n');
    if (end < 0 && received.length < MAX_REQUEST_BYTES) return;
    socket.off('data', take).resume().setTimeout(0);
    const request = received.slice(0, Math.max(0, end));
    void answer(() => handle(parse(request), asker)).then(({ line, payload }) => {
      socket.write(`${line}\n`);
      return sendPayload(socket, payload);
    });
  };
  socket.on('data', take);
}

/** Sends what belongs to an answer, as fast as the asker takes it. */
async function sendPayload(socket: Socket, payload: ControlAnswer['payload']): Promise<void> {
  try {
    for await (const chunk of payload instanceof Uint8Array ? [payload] : (payload ?? [])) {
      if (socket.destroyed) return;
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
    socket.end();
  } catch (error) {
    socket.destroy();
    if (!isTold(error)) throw error;
  }
}

async function answer(
  handle: () => Promise<ControlAnswer>,
): Promise<{ line: string; payload?: ControlAnswer['payload'] }> {
  try {
    const { result, payload } = await handle();
    return { line: JSON.stringify({ ok: true, result }), ...(payload ? { payload } : {}) };
  } catch (error) {
    if (!isTold(error)) throw error;
    const { code, message } = error;
    return { line: JSON.stringify({ ok: false, code, message }) };
  }
}

type Told = ServerError | TargetError | ContainerError | SnapshotError | BlockError;

/** True for what a file, a device or the target has refused: a server that serves others must not end for it. */
function isTold(error: unknown): error is Told {
  return [ServerError, TargetError, ContainerError, SnapshotError, BlockError].some(
    (kind) => error instanceof kind,
  );
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ServerError('SERVER_BAD_OPTIONS', 'a request is one line of JSON');
  }
}

function unavailable(path: string, reason: string, cause?: unknown): ServerError {
  return new ServerError('SERVER_CONTROL_UNAVAILABLE', `cannot be controlled at ${path}: ${reason}`, {
    cause,
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
