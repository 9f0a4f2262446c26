import { isPromise, mapMaybe, type MaybePromise } from '@lunbox/block';
import { NbdRefusal, refusalOf } from './failure.ts';
import { statusOf, type StatusRun } from './meta-contexts.ts';
import type { Agreed } from './negotiation.ts';
import {
  Chunk,
  CHUNK_DONE,
  Command,
  CommandFlag,
  Errno,
  MAGIC_SIMPLE_REPLY,
  MAGIC_STRUCTURED_REPLY,
  MAX_PAYLOAD_BYTES,
} from './numbers.ts';

/** A request of the transmission. */
export interface NbdRequest {
  readonly flags: number;
  readonly type: number;
  /** Chosen by the client, the same in the reply; two halves of 64 bits. */
  readonly cookieHigh: number;
  readonly cookieLow: number;
  /** Not a safe integer when it is beyond all devices. */
  readonly offset: number;
  readonly length: number;
}

/** What a reply begins with. */
const SIMPLE_BYTES = 16;
const STRUCTURED_BYTES = 20;
const OFFSET_BYTES = 8;

/** Flags that each command may have. */
const ALLOWED_FLAGS: Readonly<Record<number, number>> = {
  [Command.READ]: CommandFlag.DF | CommandFlag.FUA,
  [Command.WRITE]: CommandFlag.FUA,
  [Command.FLUSH]: CommandFlag.FUA,
  [Command.TRIM]: CommandFlag.FUA,
  [Command.CACHE]: CommandFlag.FUA,
  [Command.WRITE_ZEROES]: CommandFlag.FUA | CommandFlag.NO_HOLE,
  [Command.BLOCK_STATUS]: CommandFlag.FUA | CommandFlag.REQ_ONE,
};

const encoder = new TextEncoder();
const ERROR_TEXT_BYTES = 400;

/** Does the requests of one client to its export, and makes the replies. */
export class Transmission {
  readonly #agreed: Agreed;
  readonly #reportInternalError: (error: unknown) => void;

  constructor(agreed: Agreed, reportInternalError: (error: unknown) => void) {
    this.#agreed = agreed;
    this.#reportInternalError = reportInternalError;
  }

  /** Does a request; the reply is the pieces of a message. */
  perform(request: NbdRequest, data: Uint8Array): MaybePromise<Uint8Array[]> {
    try {
      const replies = this.#do(request, data);
      if (!isPromise(replies)) return replies;
      return replies.catch((error: unknown) => this.#failure(request, error));
    } catch (error) {
      return this.#failure(request, error);
    }
  }

  #do(request: NbdRequest, data: Uint8Array): MaybePromise<Uint8Array[]> {
    const { type, flags, offset, length } = request;
    const { device } = this.#agreed.opened;
    const allowed = ALLOWED_FLAGS[type];
    if (allowed === undefined || (flags & ~allowed) !== 0)
      throw new NbdRefusal(Errno.EINVAL, `command ${type} with flags ${flags} is not known here`);
    if (!Number.isSafeInteger(offset)) throw new NbdRefusal(Errno.EINVAL, 'the offset is beyond the export');
    const fua = (flags & CommandFlag.FUA) !== 0;
    const done = (): Uint8Array[] => this.#done(request);
    const durably = (work: MaybePromise<void>): MaybePromise<Uint8Array[]> =>
      mapMaybe(work, () => mapMaybe(fua ? device.flush() : undefined, done));
    switch (type) {
      case Command.READ:
        return this.#read(request);
      case Command.WRITE:
        return mapMaybe(device.write([data], offset, { fua }), done);
      case Command.FLUSH:
        return mapMaybe(device.flush(), done);
      case Command.TRIM:
        return durably(device.unmap(offset, length));
      case Command.WRITE_ZEROES:
        return durably(device.writeZeroes(offset, length, { mayUnmap: (flags & CommandFlag.NO_HOLE) === 0 }));
      case Command.CACHE:
        return this.#cache(request);
      default:
        return this.#blockStatus(request);
    }
  }

  #read(request: NbdRequest): MaybePromise<Uint8Array[]> {
    const { offset, length } = request;
    checkLength(length);
    const { structured, opened } = this.#agreed;
    const headBytes = structured ? STRUCTURED_BYTES + OFFSET_BYTES : SIMPLE_BYTES;
    const message = new Uint8Array(headBytes + length);
    return mapMaybe(opened.device.read([message.subarray(headBytes)], offset), () => {
      if (!structured) simpleHead(message, request, 0);
      else {
        structuredHead(message, request, Chunk.OFFSET_DATA, OFFSET_BYTES + length, true);
        putOffset(message, STRUCTURED_BYTES, offset);
      }
      return [message];
    });
  }

  /** Reads it, so that it lies in the cache. */
  #cache(request: NbdRequest): MaybePromise<Uint8Array[]> {
    checkLength(request.length);
    const into = new Uint8Array(request.length);
    return mapMaybe(this.#agreed.opened.device.read([into], request.offset), () => this.#done(request));
  }

  async #blockStatus(request: NbdRequest): Promise<Uint8Array[]> {
    const { contexts, opened } = this.#agreed;
    const { offset, length, flags } = request;
    if (contexts.size === 0 || length === 0)
      throw new NbdRefusal(Errno.EINVAL, 'BLOCK_STATUS needs a meta context, and a length');
    if (offset + length > opened.device.size)
      throw new NbdRefusal(Errno.EINVAL, 'the range leaves the export');
    const chunks: Uint8Array[] = [];
    for (const [id, context] of contexts) {
      const runs = await statusOf(context, opened, offset, length);
      const told = (flags & CommandFlag.REQ_ONE) !== 0 ? runs.slice(0, 1) : runs;
      chunks.push(statusChunk(request, id, told, chunks.length + 1 === contexts.size));
    }
    return chunks;
  }

  #done(request: NbdRequest): Uint8Array[] {
    return [
      this.#agreed.structured ? structuredChunk(request, Chunk.NONE, undefined) : simpleReply(request, 0),
    ];
  }

  #failure(request: NbdRequest, error: unknown): Uint8Array[] {
    const refusal = refusalOf(error);
    if (refusal === undefined) this.#reportInternalError(error);
    const { errno, message } = refusal ?? new NbdRefusal(Errno.EIO, 'a mistake of the server');
    if (!this.#agreed.structured) return [simpleReply(request, errno)];
    const text = encoder.encode(message).subarray(0, ERROR_TEXT_BYTES);
    const data = new Uint8Array(6 + text.length);
    const view = new DataView(data.buffer);
    view.setUint32(0, errno);
    view.setUint16(4, text.length);
    data.set(text, 6);
    return [structuredChunk(request, Chunk.ERROR, data)];
  }
}

function checkLength(length: number): void {
  if (length > MAX_PAYLOAD_BYTES)
    throw new NbdRefusal(Errno.EINVAL, `${length} bytes are more than ${MAX_PAYLOAD_BYTES}`);
}

function statusChunk(
  request: NbdRequest,
  id: number,
  runs: readonly StatusRun[],
  isLast: boolean,
): Uint8Array {
  const data = new Uint8Array(4 + 8 * runs.length);
  const view = new DataView(data.buffer);
  view.setUint32(0, id);
  for (const [index, { length, flags }] of runs.entries()) {
    view.setUint32(4 + 8 * index, length);
    view.setUint32(8 + 8 * index, flags);
  }
  return structuredChunk(request, Chunk.BLOCK_STATUS, data, isLast);
}

function simpleReply(request: NbdRequest, errno: number): Uint8Array {
  const bytes = new Uint8Array(SIMPLE_BYTES);
  simpleHead(bytes, request, errno);
  return bytes;
}

function structuredChunk(
  request: NbdRequest,
  type: number,
  data: Uint8Array | undefined,
  isLast = true,
): Uint8Array {
  const bytes = new Uint8Array(STRUCTURED_BYTES + (data?.length ?? 0));
  if (data !== undefined) bytes.set(data, STRUCTURED_BYTES);
  structuredHead(bytes, request, type, data?.length ?? 0, isLast);
  return bytes;
}

function simpleHead(bytes: Uint8Array, { cookieHigh, cookieLow }: NbdRequest, errno: number): void {
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_SIMPLE_REPLY);
  view.setUint32(4, errno);
  view.setUint32(8, cookieHigh);
  view.setUint32(12, cookieLow);
}

function structuredHead(
  bytes: Uint8Array,
  { cookieHigh, cookieLow }: NbdRequest,
  type: number,
  lengthBytes: number,
  isLast: boolean,
): void {
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_STRUCTURED_REPLY);
  view.setUint16(4, isLast ? CHUNK_DONE : 0);
  view.setUint16(6, type);
  view.setUint32(8, cookieHigh);
  view.setUint32(12, cookieLow);
  view.setUint32(16, lengthBytes);
}

function putOffset(bytes: Uint8Array, at: number, offset: number): void {
  const view = new DataView(bytes.buffer);
  view.setUint32(at, Math.floor(offset / 2 ** 32));
  view.setUint32(at + 4, offset % 2 ** 32);
}
