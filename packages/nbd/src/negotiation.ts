import type { NbdExport, NbdExportInfo, NbdExports } from './exports.ts';
import { contextsFor } from './meta-contexts.ts';
import { MAX_NAME_BYTES, Option, OptionReply } from './numbers.ts';
import { exportData, infoData, numberAndText, optionReply, serverData } from './option-reply.ts';
import type { NbdTransport } from './transport.ts';

/** What has been agreed when the transmission begins. */
export interface Agreed {
  readonly info: NbdExportInfo;
  readonly opened: NbdExport;
  readonly structured: boolean;
  /** Meta contexts by their identifiers. */
  readonly contexts: ReadonlyMap<number, string>;
}

/** What an option comes to. */
export interface OptionOutcome {
  readonly replies: readonly Uint8Array[];
  /** The connection ends, goes on with TLS, or the transmission begins. */
  readonly next?: 'end' | 'tls' | Agreed;
}

const ZEROES_BYTES = 124;
const decoder = new TextDecoder('utf-8', { fatal: true });
const NO_DATA = new Uint8Array(0);

/** Contexts that are chosen at a time. */
const CONTEXT_LIMIT = 64;

/** Options of a client, one after the other: what has been agreed so far. */
export class Negotiation {
  readonly #exports: NbdExports;
  readonly #transport: NbdTransport;
  readonly #tls: 'none' | 'required';
  #structured = false;
  #contexts = new Map<number, string>();
  /** The export that the contexts were chosen for. */
  #contextsOf: string | undefined;
  /** The client wants no zeroes after the answer to EXPORT_NAME. */
  noZeroes = false;

  /** @param tls `required`: nothing is told or opened before TLS is spoken */
  constructor(exports: NbdExports, transport: NbdTransport, tls: 'none' | 'required') {
    this.#exports = exports;
    this.#transport = transport;
    this.#tls = tls;
  }

  /** Answers an option. */
  answer(option: number, data: Uint8Array): OptionOutcome {
    if (option === Option.ABORT) return { replies: [ack(option)], next: 'end' };
    const plain = this.#tls === 'required' && !this.#transport.secure;
    if (plain && option === Option.EXPORT_NAME) return { replies: [], next: 'end' };
    if (plain && option !== Option.STARTTLS)
      return error(option, OptionReply.ERR_TLS_REQD, 'TLS is required here');
    const handler = HANDLERS.get(option);
    if (handler === undefined) return error(option, OptionReply.ERR_UNSUP, 'this option is not known here');
    return handler(this, option, data);
  }

  /** It has no error reply: what cannot be answered ends the connection. */
  exportName(data: Uint8Array): OptionOutcome {
    const info = this.#find(decode(data));
    const opened = info && this.#open(info);
    if (info === undefined || opened === undefined) return { replies: [], next: 'end' };
    const zeroes = new Uint8Array(this.noZeroes ? 0 : ZEROES_BYTES);
    return { replies: [exportData(info), zeroes], next: this.#agreed(info, opened) };
  }

  list(option: number, data: Uint8Array): OptionOutcome {
    if (data.length > 0) return error(option, OptionReply.ERR_INVALID, 'LIST has no data');
    const all = this.#exports.list(this.#transport.peer);
    const servers = all.map((info) => optionReply(option, OptionReply.SERVER, serverData(info)));
    return { replies: [...servers, ack(option)] };
  }

  startTls(option: number, data: Uint8Array): OptionOutcome {
    if (data.length > 0) return error(option, OptionReply.ERR_INVALID, 'STARTTLS has no data');
    if (this.#tls === 'none') return error(option, OptionReply.ERR_POLICY, 'this server has no certificate');
    if (this.#transport.secure) return error(option, OptionReply.ERR_INVALID, 'TLS is spoken already');
    return { replies: [ack(option)], next: 'tls' };
  }

  go(option: number, data: Uint8Array): OptionOutcome {
    const asked = readInfoRequest(data);
    if (asked === undefined) return error(option, OptionReply.ERR_INVALID, 'the option is malformed');
    const info = this.#find(asked.name);
    if (info === undefined) return unknown(option, asked.name);
    const infos = infoData(info, asked.infos).map((each) => optionReply(option, OptionReply.INFO, each));
    if (option === Option.INFO) return { replies: [...infos, ack(option)] };
    const opened = this.#open(info);
    if (opened === undefined) return unknown(option, asked.name);
    return { replies: [...infos, ack(option)], next: this.#agreed(info, opened) };
  }

  structuredReply(option: number, data: Uint8Array): OptionOutcome {
    if (data.length > 0) return error(option, OptionReply.ERR_INVALID, 'STRUCTURED_REPLY has no data');
    this.#structured = true;
    return { replies: [ack(option)] };
  }

  metaContext(option: number, data: Uint8Array): OptionOutcome {
    if (!this.#structured)
      return error(option, OptionReply.ERR_INVALID, 'meta contexts need structured replies');
    const asked = readContextRequest(data);
    if (asked === undefined) return error(option, OptionReply.ERR_INVALID, 'the option is malformed');
    const info = this.#find(asked.name);
    if (info === undefined) return unknown(option, asked.name);
    const isSet = option === Option.SET_META_CONTEXT;
    // Without a query, all are listed, and none is set.
    const queries = asked.queries.length === 0 && !isSet ? ['base:', 'lunbox:'] : asked.queries;
    const names = [...new Set(queries.flatMap((query) => contextsFor(query, info)))];
    if (names.length > CONTEXT_LIMIT && isSet)
      return error(option, OptionReply.ERR_TOO_BIG, `at most ${CONTEXT_LIMIT} contexts at a time`);
    if (isSet) {
      this.#contextsOf = info.name;
      this.#contexts = new Map(names.map((name, index) => [index + 1, name]));
    }
    const told = names.map((name, index) =>
      optionReply(option, OptionReply.META_CONTEXT, numberAndText(isSet ? index + 1 : 0, name)),
    );
    return { replies: [...told, ack(option)] };
  }

  #find(name: string | undefined): NbdExportInfo | undefined {
    return name === undefined ? undefined : this.#exports.find(name, this.#transport.peer);
  }

  #open(info: NbdExportInfo): NbdExport | undefined {
    try {
      return this.#exports.open(info, this.#transport.peer);
    } catch {
      // It has gone since it was found.
      return undefined;
    }
  }

  #agreed(info: NbdExportInfo, opened: NbdExport): Agreed {
    const isSame = this.#contextsOf === info.name;
    return { info, opened, structured: this.#structured, contexts: isSame ? this.#contexts : new Map() };
  }
}

type OptionHandler = (negotiation: Negotiation, option: number, data: Uint8Array) => OptionOutcome;

const HANDLERS: ReadonlyMap<number, OptionHandler> = new Map<number, OptionHandler>([
  [Option.EXPORT_NAME, (negotiation, _option, data) => negotiation.exportName(data)],
  [Option.LIST, (negotiation, ...asked) => negotiation.list(...asked)],
  [Option.STARTTLS, (negotiation, ...asked) => negotiation.startTls(...asked)],
  [Option.INFO, (negotiation, ...asked) => negotiation.go(...asked)],
  [Option.GO, (negotiation, ...asked) => negotiation.go(...asked)],
  [Option.STRUCTURED_REPLY, (negotiation, ...asked) => negotiation.structuredReply(...asked)],
  [Option.LIST_META_CONTEXT, (negotiation, ...asked) => negotiation.metaContext(...asked)],
  [Option.SET_META_CONTEXT, (negotiation, ...asked) => negotiation.metaContext(...asked)],
]);

function ack(option: number): Uint8Array {
  return optionReply(option, OptionReply.ACK, NO_DATA);
}

function error(option: number, type: number, text: string): OptionOutcome {
  return { replies: [optionReply(option, type, new TextEncoder().encode(text))] };
}

function unknown(option: number, name: string): OptionOutcome {
  return error(option, OptionReply.ERR_UNKNOWN, `there is no export "${name}"`);
}

/** Text of a name; undefined when it is none. */
function decode(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_NAME_BYTES) return undefined;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A text with its length in front; undefined when it is cut off. */
function readText(data: Uint8Array, at: number): { text: string; end: number } | undefined {
  if (data.length - at < 4) return undefined;
  const length = new DataView(data.buffer, data.byteOffset).getUint32(at);
  const end = at + 4 + length;
  const text = end <= data.length ? decode(data.subarray(at + 4, end)) : undefined;
  return text === undefined ? undefined : { text, end };
}

function readInfoRequest(data: Uint8Array): { name: string; infos: number[] } | undefined {
  const name = readText(data, 0);
  if (name === undefined || data.length - name.end < 2) return undefined;
  const view = new DataView(data.buffer, data.byteOffset);
  const count = view.getUint16(name.end);
  if (data.length !== name.end + 2 + 2 * count) return undefined;
  return {
    name: name.text,
    infos: Array.from({ length: count }, (_, index) => view.getUint16(name.end + 2 + 2 * index)),
  };
}

function readContextRequest(data: Uint8Array): { name: string; queries: string[] } | undefined {
  const name = readText(data, 0);
  if (name === undefined || data.length - name.end < 4) return undefined;
  const count = new DataView(data.buffer, data.byteOffset).getUint32(name.end);
  const queries: string[] = [];
  let at = name.end + 4;
  for (let index = 0; index < count; index++) {
    const query = readText(data, at);
    if (query === undefined) return undefined;
    queries.push(query.text);
    at = query.end;
  }
  return at === data.length ? { name: name.text, queries } : undefined;
}
