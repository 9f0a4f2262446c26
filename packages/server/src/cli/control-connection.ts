import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ServerError, type ServerErrorCode } from '../server-error.ts';
import type { ControlRequest } from './control-request.ts';
import type { WorkProgress } from './control-socket.ts';

/** What a server answers: its result, and the bytes after it. */
export interface Reply {
  readonly result: unknown;
  readonly payload: Buffer;
}

/** A line of a server. */
interface Line {
  /** True of the line that comes before the answer. */
  readonly begun?: boolean;
  /** Of lines before the answer. */
  readonly progress?: WorkProgress;
  readonly ok?: boolean;
  readonly result?: unknown;
  readonly code?: ServerErrorCode;
  readonly message?: string;
}

const NEWLINE = 0x0a;

/** The asker's end of a control socket, with one request on its way. */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer, undefined>;
  /** What came after the lines that were read. */
  #received: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  }

  /** Connects and sends a request. Throws a {@link ServerError} `SERVER_CONTROL_UNAVAILABLE`. */
  static async open(path: string, request: ControlRequest): Promise<ControlConnection> {
    const socket = connect({ path, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      const message = `no server answers at ${path} (${code}); start one with: lunbox serve … --control ${path}`;
      throw new ServerError('SERVER_CONTROL_UNAVAILABLE', message, { cause: error });
    }
    const connection = new ControlConnection(socket);
    socket.write(`${JSON.stringify(request)}\n`);
    return connection;
  }

  /** Waits until the work that was asked leave for may begin. Throws a {@link ServerError} when it may not. */
  async begun(): Promise<void> {
    const line = await this.#line();
    if (line.begun !== true) throw this.#refusal(line);
  }

  /** Says that the work is done, and waits for the answer. Throws a {@link ServerError}. */
  async finish(): Promise<Reply> {
    this.#socket.end();
    return this.answer();
  }

  /** Waits for the answer, and all that belongs to it. Throws a {@link ServerError} when the request is refused. */
  async answer(): Promise<Reply> {
    const result = await this.result();
    const chunks = [this.#received];
    for (let chunk = await this.#next(); chunk; chunk = await this.#next()) chunks.push(chunk);
    return { result, payload: Buffer.concat(chunks) };
  }

  /** Waits for the answer alone. Throws a {@link ServerError} when the request is refused. */
  async result(onProgress: (progress: WorkProgress) => void = () => undefined): Promise<unknown> {
    let line = await this.#line();
    for (; line.progress !== undefined; line = await this.#line()) onProgress(line.progress);
    if (line.ok !== true) throw this.#refusal(line);
    return line.result;
  }

  /** What belongs to the answer, as it comes; it may have been cut off. */
  async *rest(): AsyncGenerator<Buffer> {
    for (let chunk: Buffer | undefined = this.#received; chunk; chunk = await this.#next()) yield chunk;
  }

  /** Ends the connection, whatever is still to come. */
  close(): void {
    this.#socket.destroy();
  }

  #refusal({ code = 'SERVER_BAD_OPTIONS', message = '' }: Line): ServerError {
    this.#socket.destroy();
    return new ServerError(code, message);
  }

  async #line(): Promise<Line> {
    let end = this.#received.indexOf(NEWLINE);
    while (end < 0) {
      const chunk = await this.#next();
      if (!chunk) {
        const why = 'the server ended before it answered, or has too many requests at once';
        throw new ServerError('SERVER_CONTROL_UNAVAILABLE', why);
      }
      this.#received = Buffer.concat([this.#received, chunk]);
      end = this.#received.indexOf(NEWLINE);
    }
    const line = this.#received.toString('utf8', 0, end);
    this.#received = this.#received.subarray(end + 1);
    return JSON.parse(line) as Line;
  }

  /** Undefined when the server has said everything, or is gone. */
  async #next(): Promise<Buffer | undefined> {
    try {
      return (await this.#chunks.next()).value;
    } catch {
      return undefined;
    }
  }
}
