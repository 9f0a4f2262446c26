import { formatUuid } from '@lunbox/storage-object';
import debug from 'debug';
import { resolve } from 'node:path';
import {
  GROUP_MEMBER_LIMIT,
  withDecided,
  withGroup,
  withSnapshot,
  type ChainEntry,
  type SnapshotGroup,
} from './chain.ts';
import type { LogArea } from './log-area.ts';
import type { SetState } from './set-state.ts';
import { SnapshotError } from './snapshot-error.ts';
import { infoOf, type SnapshotInfo } from './snapshot-info.ts';
import type { SnapshotSet } from './snapshot-set.ts';
import { newEntry, type NamedSnapshot, type NewSnapshot } from './take-snapshot.ts';

/** Options of {@link createGroup}. What is overwritten is saved in logs: sharing space takes long. */
export interface GroupOptions extends Omit<NewSnapshot, 'method'> {
  /** How long changes of the disks may be held back until all of them are at rest. Default 10 000. */
  readonly timeoutMs?: number;
  /**
   * Is called with the identity of the group when nothing more can keep it from being taken: all disks are at rest, and
   * the snapshots are prepared durably. They are taken when it completes, and none is when it throws; changes of the
   * disks are held back meanwhile. So disks of several servers come to one instant: all of them hold.
   */
  readonly hold?: (id: string) => Promise<void>;
}

/** A group that was taken. */
export interface TakenGroup {
  /** In UUID form. */
  readonly id: string;
  /** One of each disk, in the order in which the disks were given. */
  readonly snapshots: readonly SnapshotInfo[];
}

const TIMEOUT_MS = 10_000;
const ID_BYTES = 16;

const log = debug('lunbox:snapshot:create-group');

/**
 * Takes a snapshot of each of several disks at one instant: there is a moment at which changes of all of them are held
 * back, none is under way, and that is what the snapshots have. All are taken or none, also after a crash.
 *
 * @param sets - 2 to 64, each once; one is enough with `hold`
 * @throws SnapshotError `SNAPSHOT_BAD_GROUP`, `SNAPSHOT_TIMEOUT`, what `SnapshotSet.create` throws for one of them, and
 *   `SNAPSHOT_IN_DOUBT` when a medium failed at the moment of the decision: then it is known when the disks are
 *   opened again.
 */
export async function createGroup(
  sets: readonly SnapshotSet[],
  options: GroupOptions = {},
): Promise<TakenGroup> {
  const least = options.hold === undefined ? 2 : 1;
  if (sets.length < least || sets.length > GROUP_MEMBER_LIMIT || new Set(sets).size < sets.length)
    throw new SnapshotError(
      'SNAPSHOT_BAD_GROUP',
      `a group has ${least} to ${GROUP_MEMBER_LIMIT} disks, each once`,
    );
  // Always in one order, so that no two groups wait for each other.
  const ordered = [...sets].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  const members: Member[] = [];
  const withAll = async (index: number): Promise<TakenGroup> => {
    const set = ordered[index];
    if (set === undefined) return await take(members, options);
    return await set.inGroup(async (state) => {
      members.push(new Member(state));
      return await withAll(index + 1);
    });
  };
  const { id, snapshots } = await withAll(0);
  for (const [index, snapshot] of snapshots.entries()) ordered[index]?.tell({ kind: 'taken', snapshot });
  return { id, snapshots: sets.map((set) => snapshots[ordered.indexOf(set)] as SnapshotInfo) };
}

const orderOf = ({ object, directory }: SnapshotSet): string => `${object} ${directory}`;

async function take(members: readonly Member[], options: GroupOptions): Promise<TakenGroup> {
  const [first] = members as [Member, ...Member[]];
  const { random, clock } = first.state.parts;
  const {
    name = new Date(first.state.nowMs).toISOString(),
    timeoutMs = TIMEOUT_MS,
    hold,
    ...others
  } = options;
  for (const { state } of members) checkReady(state, name);
  const timeout = new AbortController();
  try {
    await all(members, (member) => member.begin({ ...others, name }));
    const group = groupOf(formatUuid(random.bytes(ID_BYTES)), members);
    const cancel = clock.setTimer(timeoutMs, () => {
      timeout.abort(timeoutError(timeoutMs));
    });
    try {
      await all(members, (member) => member.rest(timeout.signal));
      await all(members, (member) => member.prepare(group, timeout.signal, hold !== undefined));
    } finally {
      cancel();
    }
    await hold?.(group.id);
    await first.decide(group);
    for (const member of members) member.goOn();
    await finish(first, members, group);
    return { id: group.id, snapshots: members.map((member) => infoOf(member.entry)) };
  } catch (error) {
    if (!(error instanceof InDoubt)) await Promise.all(members.map((member) => member.undo()));
    throw error instanceof InDoubt ? error.told : error;
  }
}

/** It is taken; each of them that cannot note that now finds it out when it is opened. */
async function finish(first: Member, members: readonly Member[], { id }: SnapshotGroup): Promise<void> {
  const results = await Promise.allSettled(members.slice(1).map((member) => member.finish()));
  if (results.every(({ status }) => status === 'fulfilled')) first.state.store.forgetGroup(id);
}

function checkReady(state: SetState, name: string): void {
  state.checkName(name);
  state.checkCount();
  state.checkNoRestore();
}

function groupOf(id: string, members: readonly Member[]): SnapshotGroup {
  return {
    id,
    members: members.map(({ state, entry }) => ({
      object: state.chain.object,
      set: state.chain.set,
      snapshot: entry.id,
      directory: resolve(state.store.path),
    })),
  };
}

function timeoutError(timeoutMs: number): SnapshotError {
  const message = `the disks were not at rest within ${timeoutMs} ms; no snapshot was taken`;
  return new SnapshotError('SNAPSHOT_TIMEOUT', message);
}

/** Does something with all of them at once, and throws the first failure when all have ended. */
async function all(members: readonly Member[], work: (member: Member) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(members.map(work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason as Error;
}

/** Completes with some work, or before it when a signal says so. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise((done, failed) => {
    const abort = (): void => {
      failed(signal.reason as Error);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    work.then(done, failed).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

/** The decision may have been written, or not. */
class InDoubt extends Error {
  readonly told: SnapshotError;

  constructor(cause: unknown) {
    super();
    const message = 'whether the group was taken is known when its disks are opened again: a medium failed';
    this.told = new SnapshotError('SNAPSHOT_IN_DOUBT', message, { cause });
  }
}

/** One of the disks while a group is taken. */
class Member {
  readonly state: SetState;
  #log: { readonly id: string; readonly area: LogArea } | undefined;
  #entry: ChainEntry | undefined;
  #isPrepared = false;
  #resume: (() => void) | undefined;

  constructor(state: SetState) {
    this.state = state;
  }

  get entry(): ChainEntry {
    const entry = this.#entry as ChainEntry;
    return this.state.entries.find(({ id }) => id === entry.id) ?? entry;
  }

  /** Makes what it needs, while changes go on. */
  async begin(options: NamedSnapshot): Promise<void> {
    const { state } = this;
    this.#log = await state.store.createArea(state.parts.object, state.nowMs);
    this.#entry = newEntry(state, options, { logs: [this.#log.id] });
  }

  /** Holds changes back; completes when none is under way. */
  async rest(signal: AbortSignal): Promise<void> {
    const paused = this.state.device.pause(signal).then((resume) => (this.#resume = resume));
    await unlessAborted(paused, signal);
  }

  /**
   * Everything that was answered becomes durable, and then the snapshot, if it will be one. What is changed from now on
   * is saved for it, so changes may go on here though others are not as far: what comes now is after the instant.
   *
   * @param rests - changes are held back on, for disks that are not of this process
   */
  async prepare(group: SnapshotGroup, signal: AbortSignal, rests: boolean): Promise<void> {
    const { state } = this;
    const { id, area } = this.#log as { id: string; area: LogArea };
    try {
      await unlessAborted(Promise.resolve(state.device.flush()), signal);
      // The size is that of the instant.
      this.#entry = { ...this.entry, sizeBytes: state.device.size, group, prepared: true };
      state.areas.set(id, area);
      await state.commit(withSnapshot(state.chain, this.#entry));
      this.#isPrepared = true;
      state.saveToNewest();
    } finally {
      if (!rests) this.goOn();
    }
  }

  /** Says durably that the group was taken: the instant of the decision for all of them. */
  async decide(group: SnapshotGroup): Promise<void> {
    const { state, entry } = this;
    try {
      await state.commit(withGroup(withDecided(state.chain, entry.id), group));
    } catch (error) {
      throw error instanceof SnapshotError ? error : new InDoubt(error);
    }
  }

  /** The group was taken. */
  async finish(): Promise<void> {
    const { state, entry } = this;
    await state.commit(withDecided(state.chain, entry.id)).catch((error: unknown) => {
      log('%s will know of its group when it is opened again: %o', state.store.path, error);
      throw error;
    });
  }

  /** The group is not taken. What cannot be taken back now is when the disk is opened again. */
  async undo(): Promise<void> {
    const { state } = this;
    this.goOn();
    try {
      if (this.#isPrepared) return await state.remove(this.entry);
      if (this.#log === undefined) return;
      state.areas.delete(this.#log.id);
      await this.#log.area.close();
    } catch (error) {
      log('%s drops its snapshot when it is opened again: %o', state.store.path, error);
    }
  }

  /** Changes go on. */
  goOn(): void {
    this.#resume?.();
    this.#resume = undefined;
  }
}
