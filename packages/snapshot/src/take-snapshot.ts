import { formatUuid } from '@lunbox/storage-object';
import { withSnapshot, type Chain, type ChainEntry, type ConsistencyLevel } from './chain.ts';
import type { SetState } from './set-state.ts';

/** Options of `SnapshotSet.create` and `SnapshotSet.refresh`. */
export interface NewSnapshot {
  /** Default: the time. */
  readonly name?: string;
  /** What was done before the call. Default `crash`: nothing. */
  readonly level?: ConsistencyLevel;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One that has a name. */
export type NamedSnapshot = NewSnapshot & { readonly name: string };

const ID_BYTES = 16;

/** What the chain says of a snapshot that is taken now. */
export function newEntry(
  { parts, device, nowMs }: SetState,
  { name, level = 'crash', labels = {} }: NamedSnapshot,
  logId: string,
): ChainEntry {
  return {
    id: formatUuid(parts.random.bytes(ID_BYTES)),
    name,
    createdAtMs: nowMs,
    sizeBytes: device.size,
    level,
    labels: { ...labels },
    holds: [],
    logs: [logId],
  };
}

/** Takes a snapshot on top of a chain, which is the one there is, perhaps without another snapshot. */
export async function takeSnapshot(
  state: SetState,
  options: NamedSnapshot,
  chain: Chain,
): Promise<ChainEntry> {
  state.checkNoRestore();
  const { id, area } = await state.store.createArea(state.parts.object, state.nowMs);
  const resume = await state.device.pause();
  try {
    // Without it a crash could take from the snapshot what was answered before it.
    await state.device.flush();
    const entry = newEntry(state, options, id);
    // Readers of older snapshots look for it as soon as the list names it.
    state.areas.set(id, area);
    await state.commit(withSnapshot(chain, entry));
    state.saveToNewest();
    return entry;
  } catch (error) {
    state.areas.delete(id);
    await area.close();
    throw error;
  } finally {
    resume();
  }
}
