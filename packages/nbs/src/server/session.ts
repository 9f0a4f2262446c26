import { EventCode, type EventName } from '../codec/event-table.ts';
import { encodeFields, type Fields } from '../codec/tlv.ts';
import { blankHeader, Magic } from '../codec/header.ts';
import { encodeMessage } from '../codec/message.ts';
import type { OpenHandle } from './open-handle.ts';
import { NbsRefusal, type PreparedGroup } from './service.ts';

/** What was answered to a request that must not be done twice. */
export interface StoredAnswer {
  readonly status: number;
  readonly payload: Uint8Array | undefined;
}

/** Answers that are kept: more than requests can be unanswered at a time. */
const ANSWER_LIMIT = 256;

/** Where a session sends to while its client is there. */
export interface SessionLink {
  readonly digest: boolean;
  sendNow(message: Uint8Array): void;
  /** Ends the connection, without the session. */
  drop(): void;
}

/** A prepared group, and what ends its time. */
interface HeldGroup {
  readonly group: PreparedGroup;
  readonly cancel: () => void;
}

interface KeptEvent {
  readonly sequence: number;
  readonly name: EventName;
  readonly payload: Uint8Array;
}

/** What a server knows of a client, over all its connections. */
export class ServerSession {
  readonly id: string;
  readonly secret: Uint8Array;
  readonly user: string | undefined;
  readonly peer: string;
  readonly handles: Map<number, OpenHandle> = new Map<number, OpenHandle>();
  /** Groups that are prepared, until somebody decides or their time is over. */
  readonly prepared: Map<string, HeldGroup> = new Map<string, HeldGroup>();
  /** Groups that are being prepared. */
  preparing = 0;
  /** The connection; undefined while the client is away. */
  link: SessionLink | undefined;
  /** When the client went away. */
  lostAtMs = 0;
  closed = false;
  /** Aborts with the session what its client asked for and nobody waits for any more. */
  readonly over: AbortController = new AbortController();
  #nextHandle = 1;
  readonly #answers = new Map<string, StoredAnswer | Promise<StoredAnswer>>();
  #events: KeptEvent[] = [];
  #nextEvent = 1;
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(id: string, secret: Uint8Array, user: string | undefined, peer: string) {
    this.id = id;
    this.secret = secret;
    this.user = user;
    this.peer = peer;
  }

  /** A number for another handle. */
  takeHandleNumber(): number {
    return this.#nextHandle++;
  }

  /** The open object of this number. Throws a {@link NbsRefusal} `INVAL`. */
  handle(number: number): OpenHandle {
    const handle = this.handles.get(number);
    if (handle === undefined) throw new NbsRefusal('INVAL', `there is no open object ${number}`);
    return handle;
  }

  /** A prepared group, which is to be decided now; undefined when it was given up. */
  takePrepared(uuid: string): PreparedGroup | undefined {
    const held = this.prepared.get(uuid);
    held?.cancel();
    this.prepared.delete(uuid);
    return held?.group;
  }

  /** Gives all prepared groups up. */
  async abortPrepared(): Promise<void> {
    const groups = [...this.prepared.keys()].map((uuid) => this.takePrepared(uuid));
    await Promise.all(groups.map(async (group) => group?.abort()));
  }

  /** A request is at work. */
  begin(): void {
    this.#running++;
  }

  /** A request is over. */
  end(): void {
    this.#running--;
    if (this.#running > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  /** Completes when nothing that came by an earlier connection is at work: it must not overtake what follows. */
  async settled(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Does `work` once for each key; who asks again gets the answer of the first time. */
  async once(key: string, work: () => Promise<StoredAnswer>): Promise<StoredAnswer> {
    const before = this.#answers.get(key);
    if (before !== undefined) return before;
    const answer = work();
    this.#answers.set(key, answer);
    const stored = await answer;
    this.#answers.delete(key);
    this.#answers.set(key, stored);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= ANSWER_LIMIT) break;
      this.#answers.delete(oldest);
    }
    return stored;
  }

  /** Tells the client something, now or when it is back. What is too much is dropped, and it hears that. */
  emit(name: EventName, fields: Fields, limit: number): void {
    if (this.closed) return;
    const lost = this.#events.length >= limit;
    if (lost) this.#events = [];
    if (lost) this.#keep('EVENTS_LOST', {});
    this.#keep(name, fields);
  }

  /** Tells the client something that it can do without: while it is there, and does not lag behind. */
  emitIfRoom(name: EventName, fields: Fields, limit: number): void {
    if (this.link !== undefined && this.#events.length < limit / 2) this.emit(name, fields, limit);
  }

  /** Sends what the client has not acknowledged once more. */
  resendEvents(): void {
    for (const event of this.#events) this.#send(event);
  }

  /** The client has everything up to this number. */
  acknowledge(sequence: number): void {
    this.#events = this.#events.filter((event) => event.sequence > sequence);
  }

  #keep(name: EventName, fields: Fields): void {
    const event = { sequence: this.#nextEvent++, name, payload: encodeFields(fields) };
    this.#events.push(event);
    this.#send(event);
  }

  #send({ sequence, name, payload }: KeptEvent): void {
    const { link } = this;
    if (link === undefined) return;
    const header = blankHeader(Magic.EVENT, EventCode[name]);
    header.cookieHigh = Math.floor(sequence / 2 ** 32);
    header.cookieLow = sequence >>> 0;
    link.sendNow(encodeMessage(header, payload, link.digest));
  }
}
