import type { Clock } from '@lunbox/block';
import type { Fields } from '../codec/tlv.ts';
import { NbsRefusal } from './service.ts';
import type { ServerSession } from './session.ts';

/** How long what is suspended may take to say that it was, after it was told to go on. */
const HELD_TIMEOUT_MS = 60_000;

/** How sure the content of a snapshot can be, the least first. */
const LEVELS = ['crash', 'filesystem', 'application'];

/** What was done while clients had suspended what uses some objects. */
export interface QuiescedResult<T> {
  readonly result: T;
  /** Everything was suspended up to its end. */
  readonly isHeld: boolean;
}

/** What a client has said; undefined before that. */
export interface Said {
  /** It is suspended, and a snapshot has this level. */
  level?: string;
  /** Why it is not. */
  refusal?: string;
  /** Whether it was suspended until it was told to go on. */
  held?: boolean;
}

/** One client that is asked to suspend what uses some objects. */
interface Asked extends Said {
  readonly session: ServerSession;
}

/** One time that clients are asked to suspend what uses some objects. */
class Operation {
  readonly id: string;
  readonly asked: readonly Asked[];
  /** Its clients were told to go on. */
  isResumed = false;
  #changed: () => void = () => undefined;

  constructor(id: string, sessions: readonly ServerSession[]) {
    this.id = id;
    this.asked = sessions.map((session) => ({ session }));
  }

  /** A client has said something. */
  tell(session: ServerSession, said: Said): void {
    const asked = this.asked.find((each) => each.session === session);
    if (asked === undefined) return;
    Object.assign(asked, said);
    this.#changed();
  }

  /** Completes when all of them have said what is waited for, one has refused, or the time is over. */
  async until(isSaid: (asked: Asked) => boolean, timeoutMs: number, clock: Clock): Promise<void> {
    const isOver = (): boolean => this.refusal !== undefined || this.asked.every(isSaid);
    if (isOver()) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimer(timeoutMs, resolve);
      this.#changed = () => {
        if (!isOver()) return;
        cancel();
        resolve();
      };
    });
  }

  /** Why one of them is not suspended. */
  get refusal(): string | undefined {
    return this.asked.find(({ refusal }) => refusal !== undefined)?.refusal;
  }

  /** What a snapshot can be relied on for now. */
  get level(): string {
    const ranks = this.asked.map(({ level = 'crash' }) => Math.max(0, LEVELS.indexOf(level)));
    return LEVELS[ranks.length === 0 ? 0 : Math.min(...ranks)]!;
  }
}

/** Asks clients to suspend what uses objects, and to resume it. */
export class Quiesce {
  readonly #sessions: ReadonlyMap<string, ServerSession>;
  readonly #clock: Clock;
  readonly #maxEvents: number;
  readonly #maxSuspendedMs: number;
  readonly #newId: () => string;
  readonly #operations = new Map<string, Operation>();
  /** The end of the operations so far. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    sessions: ReadonlyMap<string, ServerSession>,
    {
      clock,
      maxEvents,
      maxSuspendedMs,
      newId,
    }: {
      readonly clock: Clock;
      readonly maxEvents: number;
      readonly maxSuspendedMs: number;
      readonly newId: () => string;
    },
  ) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#maxEvents = maxEvents;
    this.#maxSuspendedMs = maxSuspendedMs;
    this.#newId = newId;
  }

  /**
   * Does `work` while every client that has subscribed to one of the objects has suspended what uses it; whatever comes
   * of that, all are told to go on. `work` hears what a snapshot can be relied on for; it is not begun when one of them
   * refuses, or is not ready in time. When it takes too long they are told to go on before its end.
   *
   * @throws NbsRefusal `QUIESCE_FAILED`, and what `work` throws.
   */
  async during<T>(
    uuids: readonly string[],
    readyMs: number,
    work: (level: string) => Promise<T>,
  ): Promise<QuiescedResult<T>> {
    if (this.#subscribers(uuids).length === 0) return { result: await work('crash'), isHeld: true };
    // One after the other: what is frozen already cannot be frozen once more.
    const operation = this.#last.then(() => this.#perform(uuids, readyMs, work));
    this.#last = operation.catch(() => undefined);
    return await operation;
  }

  async #perform<T>(
    uuids: readonly string[],
    readyMs: number,
    work: (level: string) => Promise<T>,
  ): Promise<QuiescedResult<T>> {
    const sessions = this.#subscribers(uuids);
    const operation = new Operation(this.#newId(), sessions);
    const { id } = operation;
    this.#operations.set(id, operation);
    try {
      for (const session of sessions)
        session.emit('QUIESCE', { uuid: id, object: handlesOf(session, uuids), readyMs }, this.#maxEvents);
      await operation.until(({ level }) => level !== undefined, readyMs, this.#clock);
      const late = operation.asked.some(({ level }) => level === undefined);
      const { refusal = late ? `not all were ready within ${readyMs} ms` : undefined } = operation;
      if (refusal !== undefined) throw new NbsRefusal('QUIESCE_FAILED', `no snapshot was taken: ${refusal}`);
      const cancel = this.#clock.setTimer(this.#maxSuspendedMs, () => this.#resume(operation));
      const result = await work(operation.level).finally(cancel);
      const isInTime = !operation.isResumed;
      this.#resume(operation);
      await operation.until(({ held }) => held !== undefined, HELD_TIMEOUT_MS, this.#clock);
      return { result, isHeld: isInTime && operation.asked.every(({ held }) => held === true) };
    } finally {
      this.#resume(operation);
      this.#operations.delete(id);
    }
  }

  #subscribers(uuids: readonly string[]): ServerSession[] {
    return [...this.#sessions.values()].filter((session) => handlesOf(session, uuids).length > 0);
  }

  /** What a client says to an operation; one that is over is nobody's any more. */
  tell(uuid: string, session: ServerSession, said: Said): void {
    this.#operations.get(uuid)?.tell(session, said);
  }

  /** A client has gone, and suspends nothing. */
  gone(session: ServerSession): void {
    for (const operation of this.#operations.values())
      operation.tell(session, { refusal: 'a client that had subscribed has gone', held: false });
  }

  #resume(operation: Operation): void {
    if (operation.isResumed) return;
    operation.isResumed = true;
    for (const { session } of operation.asked)
      session.emit('RESUME', { uuid: operation.id }, this.#maxEvents);
  }
}

/** The handles by which a session has subscribed to some objects. */
function handlesOf(session: ServerSession, uuids: readonly string[]): Fields[] {
  return [...session.handles.values()]
    .filter(({ uuid, quiesces }) => quiesces && uuids.includes(uuid))
    .map(({ number }) => ({ handle: number }));
}
