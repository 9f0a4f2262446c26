import type { MaybePromise } from '@lunbox/block';
import type { OpcodeName } from '../codec/opcode-table.ts';
import type { Fields } from '../codec/tlv.ts';
import type { EngineCore } from './engine-core.ts';
import type { BufferPool } from '../codec/slab.ts';
import type { OpenHandle } from './open-handle.ts';
import type { ServerSession } from './session.ts';

/** A request of a client, read and checked against its row of the table. */
export interface ServerRequest {
  readonly name: OpcodeName;
  readonly flags: number;
  readonly cookieHigh: number;
  readonly cookieLow: number;
  readonly handle: number;
  readonly offset: number;
  readonly length: number;
  readonly epoch: number;
  /** Of requests with fields. */
  readonly fields: Fields;
  /** Of requests with data. */
  readonly data: Uint8Array;
}

/** What a request in a session works with. */
export interface RequestContext {
  readonly core: EngineCore;
  readonly session: ServerSession;
  /** Memory for answers. */
  readonly memory: BufferPool;
  /** The open object that it is about. */
  readonly open: OpenHandle | undefined;
}

/** Answers a request; throws what `refusalOf` knows. A reply with data has 64 bytes in front, for the header. */
export interface Reply {
  readonly fields?: Fields;
  readonly message?: Uint8Array;
}

/** Does what a request asks for. */
export type Handler = (request: ServerRequest, context: RequestContext) => MaybePromise<Reply>;

/** GOOD, and nothing to tell. */
export const DONE: Reply = {};
