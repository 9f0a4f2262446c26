import { LEVELS, type ConsistencyLevel } from './consistency-level.ts';
import { isSchedule, type SnapshotSchedule } from './schedule.ts';

/** An image that shares the space of the disk. */
export interface ImageRef {
  /** In UUID form; its name, too. */
  readonly id: string;
  /** Size of the disk when it was made. */
  readonly sizeBytes: number;
}

/** How a snapshot is taken: by saving what is overwritten, by sharing the space of the disk, or whichever is better. */
export type SnapshotMethod = 'auto' | 'log' | 'reflink';

/** A snapshot that belongs to a group, and where the list is that names it. */
export interface GroupMember {
  /** Identity that the disk was born with, in UUID form. */
  readonly object: string;
  /** Identity of its set of snapshots, in UUID form. */
  readonly set: string;
  /** Identity of the snapshot, in UUID form. */
  readonly snapshot: string;
  /** Directory with the snapshots of the disk, absolute, when the group was taken. */
  readonly directory: string;
}

/** Snapshots of several disks that were taken at one instant. */
export interface SnapshotGroup {
  /** In UUID form. */
  readonly id: string;
  /** The list of the first says whether the group was taken. */
  readonly members: readonly GroupMember[];
}

/** One snapshot, as the chain keeps it. */
export interface ChainEntry {
  /** In UUID form. */
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** Size of the disk at that moment. */
  readonly sizeBytes: number;
  readonly level: ConsistencyLevel;
  readonly labels: Readonly<Record<string, string>>;
  /** Who wants it kept. */
  readonly holds: readonly string[];
  /**
   * Logs with what was overwritten between this snapshot and the next one, in UUID form. Where two have the same grain,
   * the earlier one is right.
   */
  readonly logs: readonly string[];
  /** Those of the logs that are images instead: they have all of the disk as it was at the start of their time. */
  readonly images?: readonly ImageRef[];
  /** Only what was changed since then is known; what the disk had is not kept. */
  readonly bookmark?: true;
  /** The disk was changed around its snapshots since: what this one has may be wrong. */
  readonly suspect?: true;
  /** Its logs have more than is needed of them, and that still takes space. */
  readonly reclaim?: true;
  /** It was taken together with those of other disks. */
  readonly group?: SnapshotGroup;
  /** It is one only if the list of the first of its group names the group: that is not known yet. */
  readonly prepared?: true;
}

/** What is done when there is no room for what the disk had. */
export interface SpacePolicy {
  /** What the logs may take; without it only the file system bounds them. */
  readonly limitBytes?: number;
  /** Delete the oldest snapshots that nobody holds or has open, or refuse what would overwrite something. */
  readonly whenFull: 'drop-oldest' | 'refuse';
  /** How snapshots are taken of which nobody says it. Default `auto`. */
  readonly method?: SnapshotMethod;
}

/** The disk is being brought back to what it was: what is not done yet is read from the snapshot. */
export interface ChainRestore {
  /** The snapshot that it is brought back to, in UUID form. */
  readonly from: string;
  /** The one that was taken right before; the newest, as long as this lasts. */
  readonly safety: string;
  /** Log of the grains that are done, in UUID form. */
  readonly log: string;
}

/** All snapshots of an object, oldest first. */
export interface Chain {
  /** Identity that the object was born with, in UUID form. */
  readonly object: string;
  /** Identity of this set of snapshots, in UUID form; the disk names it. */
  readonly set: string;
  readonly grainBytes: number;
  readonly snapshots: readonly ChainEntry[];
  readonly restore?: ChainRestore;
  readonly policy?: SpacePolicy;
  /** When snapshots are taken by themselves. */
  readonly schedule?: SnapshotSchedule;
  /** Groups with this disk as their first that were taken, until all of their members know. */
  readonly groups?: readonly SnapshotGroup[];
}

/** Snapshots of one object. */
export const SNAPSHOT_LIMIT = 1024;
/** Disks of one group. */
export const GROUP_MEMBER_LIMIT = 64;

/** How snapshots are taken where nobody says it. */
export const DEFAULT_METHOD: SnapshotMethod = 'auto';
/** All methods. */
export const SNAPSHOT_METHODS: readonly SnapshotMethod[] = ['auto', 'log', 'reflink'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reads a chain from JSON; undefined when it is none. */
export function parseChain(text: string): Chain | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const chain = value as Partial<Chain> | null;
  if (typeof chain !== 'object' || chain === null) return undefined;
  const isSound =
    isUuid(chain.object) &&
    isUuid(chain.set) &&
    Number.isSafeInteger(chain.grainBytes) &&
    Array.isArray(chain.snapshots) &&
    chain.snapshots.length <= SNAPSHOT_LIMIT &&
    chain.snapshots.every(isEntry) &&
    (chain.restore === undefined || isRestore(chain.restore)) &&
    (chain.policy === undefined || isPolicy(chain.policy)) &&
    (chain.schedule === undefined || isSchedule(chain.schedule)) &&
    (chain.groups === undefined || (Array.isArray(chain.groups) && chain.groups.every(isGroup)));
  return isSound ? (chain as Chain) : undefined;
}

function isEntry(value: unknown): value is ChainEntry {
  const entry = value as Partial<ChainEntry> | null;
  if (typeof entry !== 'object' || entry === null) return false;
  return (
    isUuid(entry.id) &&
    typeof entry.name === 'string' &&
    Number.isSafeInteger(entry.createdAtMs) &&
    Number.isSafeInteger(entry.sizeBytes) &&
    LEVELS.includes(entry.level) &&
    isTexts(entry.holds) &&
    isLabels(entry.labels) &&
    Array.isArray(entry.logs) &&
    entry.logs.length > 0 &&
    entry.logs.every(isUuid) &&
    areImages(entry.images, entry.logs) &&
    isFlag(entry.bookmark) &&
    isFlag(entry.suspect) &&
    isFlag(entry.reclaim) &&
    isFlag(entry.prepared) &&
    (entry.group === undefined ? entry.prepared === undefined : isGroup(entry.group))
  );
}

function areImages(images: unknown, logs: readonly string[]): boolean {
  if (images === undefined) return true;
  return (
    Array.isArray(images) &&
    images.every(
      ({ id, sizeBytes }: Partial<ImageRef>) =>
        isUuid(id) && logs.includes(id) && Number.isSafeInteger(sizeBytes) && (sizeBytes as number) >= 0,
    )
  );
}

function isGroup(value: unknown): value is SnapshotGroup {
  const group = value as Partial<SnapshotGroup> | null;
  if (typeof group !== 'object' || group === null) return false;
  const { id, members } = group;
  return (
    isUuid(id) &&
    Array.isArray(members) &&
    members.length > 0 &&
    members.length <= GROUP_MEMBER_LIMIT &&
    members.every(isMember)
  );
}

function isMember(value: unknown): value is GroupMember {
  const member = value as Partial<GroupMember> | null;
  if (typeof member !== 'object' || member === null) return false;
  const { object, set, snapshot, directory } = member;
  return isUuid(object) && isUuid(set) && isUuid(snapshot) && typeof directory === 'string';
}

function isRestore({ from, safety, log }: Partial<ChainRestore>): boolean {
  return isUuid(from) && isUuid(safety) && isUuid(log);
}

const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
function isPolicy({ limitBytes, whenFull, method }: Partial<SpacePolicy>): boolean {
  const isLimit = limitBytes === undefined || (Number.isSafeInteger(limitBytes) && limitBytes > 0);
  const isMethod = method === undefined || SNAPSHOT_METHODS.includes(method);
  return isLimit && isMethod && (whenFull === 'drop-oldest' || whenFull === 'refuse');
}

const isFlag = (value: unknown): boolean => value === undefined || value === true;
const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((text) => typeof text === 'string');
const isLabels = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && isTexts(Object.values(value));

/** The chain with one more snapshot, the newest. */
export function withSnapshot(chain: Chain, entry: ChainEntry): Chain {
  return { ...chain, snapshots: [...chain.snapshots, entry] };
}

/**
 * The chain without a snapshot. Those before it read what was overwritten after it from its logs, which the one before
 * takes over; the logs of the oldest are nobody's any more.
 */
export function withoutSnapshot(chain: Chain, id: string): Chain {
  const index = chain.snapshots.findIndex((entry) => entry.id === id);
  const gone = chain.snapshots[index];
  if (gone === undefined) return chain;
  const snapshots = chain.snapshots.map((entry, at): ChainEntry => {
    if (at === index - 1) return withAreasOf(entry, gone);
    // What a bookmark has kept for an older snapshot may be needed no more.
    return entry.bookmark === undefined ? entry : { ...entry, reclaim: true };
  });
  return { ...chain, snapshots: snapshots.filter((_, at) => at !== index) };
}

/** A snapshot with the areas of the next one, too. */
function withAreasOf(entry: ChainEntry, next: ChainEntry): ChainEntry {
  const images = [...(entry.images ?? []), ...(next.images ?? [])];
  const logs = [...entry.logs, ...next.logs];
  return { ...entry, logs, ...(images.length === 0 ? {} : { images }), reclaim: true };
}

/** The chain with one entry changed. */
export function withEntry(chain: Chain, id: string, change: Partial<ChainEntry>): Chain {
  const snapshots = chain.snapshots.map((entry) => (entry.id === id ? { ...entry, ...change } : entry));
  return { ...chain, snapshots };
}

/** The chain of a disk that was changed around its snapshots. */
export function withSuspects(chain: Chain): Chain {
  return { ...chain, snapshots: chain.snapshots.map((entry) => ({ ...entry, suspect: true })) };
}

/** The chain with one that has no more than is needed. */
export function withReclaimed(chain: Chain, id: string): Chain {
  const snapshots = chain.snapshots.map((entry) => {
    const { reclaim, ...others } = entry;
    return entry.id === id && reclaim !== undefined ? others : entry;
  });
  return { ...chain, snapshots };
}

/** The chain with a snapshot whose group was taken. */
export function withDecided(chain: Chain, id: string): Chain {
  const snapshots = chain.snapshots.map((entry) => {
    const { prepared, ...others } = entry;
    return entry.id === id && prepared !== undefined ? others : entry;
  });
  return { ...chain, snapshots };
}

/** The chain that says that a group was taken, of which its disk is the first. */
export function withGroup(chain: Chain, group: SnapshotGroup): Chain {
  return { ...chain, groups: [...(chain.groups ?? []), group] };
}

/** The chain without the groups that all of their members know of. */
export function withoutGroups(chain: Chain, ids: ReadonlySet<string>): Chain {
  const { groups, ...others } = chain;
  const left = groups?.filter(({ id }) => !ids.has(id)) ?? [];
  return left.length === 0 ? others : { ...others, groups: left };
}

/** The chain with another schedule, or with none. */
export function withSchedule({ schedule: _before, ...chain }: Chain, schedule?: SnapshotSchedule): Chain {
  return schedule === undefined ? chain : { ...chain, schedule };
}

/** The chain once a restore is done. */
export function withoutRestore({ restore: _done, ...chain }: Chain): Chain {
  return chain;
}

/** Identities of all logs of a chain. */
export function logsOf({ snapshots, restore }: Chain): string[] {
  return [...snapshots.flatMap(({ logs }) => logs), ...(restore ? [restore.log] : [])];
}
