import { formatUuid } from '@lunbox/storage-object';
import { withSnapshot, type Chain, type ChainEntry, type SnapshotMethod } from './chain.ts';
import type { ConsistencyLevel } from './consistency-level.ts';
import { withNewArea, type NewAreas } from './new-area.ts';
import type { SetState } from './set-state.ts';

/** Options of `SnapshotSet.create` and `SnapshotSet.refresh`. */
export interface NewSnapshot {
  /** Default: the time. */
  readonly name?: string;
  /** What was done before the call. Default `crash`: nothing. */
  readonly level?: ConsistencyLevel;
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: what the policy of the set says. */
  readonly method?: SnapshotMethod;
}

/** One that has a name. */
export type NamedSnapshot = NewSnapshot & { readonly name: string };

const ID_BYTES = 16;

/** What the chain says of a snapshot that is taken now. */
export function newEntry(
  { parts, device, nowMs }: SetState,
  { name, level = 'crash', labels = {} }: NamedSnapshot,
  areas: NewAreas,
): ChainEntry {
  return {
    id: formatUuid(parts.random.bytes(ID_BYTES)),
    name,
    createdAtMs: nowMs,
    sizeBytes: device.size,
    level,
    labels: { ...labels },
    holds: [],
    ...areas,
  };
}

/** Takes a snapshot on top of a chain, which is the one there is, perhaps without another snapshot. */
export async function takeSnapshot(
  state: SetState,
  options: NamedSnapshot,
  chain: Chain,
): Promise<ChainEntry> {
  state.checkNoRestore();
  return await withNewArea(state, state.device, options.method, async (areas) => {
    const entry = newEntry(state, options, areas);
    await state.commit(withSnapshot(chain, entry));
    state.saveToNewest();
    return entry;
  });
}
