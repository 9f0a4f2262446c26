/** How well a snapshot knows what it has: what applications and file systems had done before it was taken. */
export type ConsistencyLevel = 'crash' | 'filesystem' | 'application';

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
  /** It took over logs, and what they have twice still takes space. */
  readonly reclaim?: boolean;
}

/** All snapshots of an object, oldest first. */
export interface Chain {
  /** Identity that the object was born with, in UUID form. */
  readonly object: string;
  readonly grainBytes: number;
  readonly snapshots: readonly ChainEntry[];
}

/** Snapshots of one object. */
export const SNAPSHOT_LIMIT = 1024;

const LEVELS: readonly unknown[] = ['crash', 'filesystem', 'application'] satisfies ConsistencyLevel[];
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
    Number.isSafeInteger(chain.grainBytes) &&
    Array.isArray(chain.snapshots) &&
    chain.snapshots.length <= SNAPSHOT_LIMIT &&
    chain.snapshots.every(isEntry);
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
    (entry.reclaim === undefined || typeof entry.reclaim === 'boolean')
  );
}

const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
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
  const snapshots = chain.snapshots.map((entry, at) =>
    at === index - 1 ? { ...entry, logs: [...entry.logs, ...gone.logs], reclaim: true } : entry,
  );
  return { ...chain, snapshots: snapshots.filter((_, at) => at !== index) };
}

/** The chain with one that has what it has only once. */
export function withReclaimed(chain: Chain, id: string): Chain {
  const snapshots = chain.snapshots.map((entry) => {
    const { reclaim, ...others } = entry;
    return entry.id === id && reclaim !== undefined ? others : entry;
  });
  return { ...chain, snapshots };
}

/** Identities of all logs of a chain. */
export function logsOf(chain: Chain): string[] {
  return chain.snapshots.flatMap(({ logs }) => logs);
}
