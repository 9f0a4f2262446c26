import type { Disk } from '@lunbox/block';
import debug from 'debug';
import { basename, dirname, join, resolve } from 'node:path';
import { withDecided, withoutSnapshot, type Chain, type GroupMember, type SnapshotGroup } from './chain.ts';
import { ChainFile } from './chain-file.ts';
import type { SetState } from './set-state.ts';
import { CHAIN_NAME, type SnapshotStore } from './snapshot-store.ts';

const log = debug('lunbox:snapshot:settle-groups');

/** What became of a group. */
type Outcome = 'taken' | 'dropped' | 'in doubt';

/**
 * Finds out, when a list is opened, what became of the groups that a crash has cut off: their snapshots are there, or
 * were never taken, or are kept as they are where that cannot be told.
 */
export async function settleStore(store: SnapshotStore, disk: Disk): Promise<void> {
  const { chain } = store;
  let settled = chain;
  for (const { id, group, prepared } of chain.snapshots) {
    if (group === undefined || prepared === undefined) continue;
    const outcome = await outcomeOf(group, chain, store.path, disk);
    if (outcome === 'taken') settled = withDecided(settled, id);
    if (outcome === 'dropped') settled = withoutSnapshot(settled, id);
  }
  if (settled !== chain) await store.settle(settled);
  if (store.readOnly) return;
  for (const group of chain.groups ?? [])
    if (await allKnow(group, chain, store.path, disk)) store.forgetGroup(group.id);
}

/** The same for snapshots of a set that is open. */
export async function settleMembers(state: SetState): Promise<void> {
  const { store, parts, device } = state;
  if (device.readOnly || state.chain.restore !== undefined) return;
  for (const entry of state.entries.filter(({ prepared }) => prepared)) {
    const { id, group } = entry;
    // Its own list is in doubt itself, until it is opened anew.
    if (group === undefined || group.members[0]?.set === state.chain.set) continue;
    const outcome = await outcomeOf(group, state.chain, store.path, parts.disk);
    if (outcome === 'taken') await state.commit(withDecided(state.chain, id));
    if (outcome === 'dropped') await state.remove(entry);
  }
}

/** What the list of the first member says; what it says is durable. */
async function outcomeOf(
  { id, members }: SnapshotGroup,
  own: Chain,
  path: string,
  disk: Disk,
): Promise<Outcome> {
  const [first] = members;
  const chain = first?.set === own.set ? own : await chainOf(first as GroupMember, path, disk);
  if (chain === undefined) return 'in doubt';
  return chain.groups?.some((group) => group.id === id) ? 'taken' : 'dropped';
}

/** Whether every member knows, durably, that the group was taken. */
async function allKnow(
  { id, members }: SnapshotGroup,
  own: Chain,
  path: string,
  disk: Disk,
): Promise<boolean> {
  for (const member of members) {
    const chain = member.set === own.set ? own : await chainOf(member, path, disk);
    if (chain === undefined) return false;
    if (chain.snapshots.some(({ group, prepared }) => prepared && group?.id === id)) return false;
  }
  return true;
}

/** Whether the list of a member, as far as one is found, waits for this one to say that a group was taken. */
export async function isAwaited(chain: Chain, path: string, disk: Disk): Promise<boolean> {
  for (const { id, members } of chain.groups ?? [])
    for (const member of members.filter(({ set }) => set !== chain.set)) {
      const other = await chainOf(member, path, disk);
      if (other?.snapshots.some(({ group, prepared }) => prepared && group?.id === id)) return true;
    }
  return false;
}

/** The list of a member, where it was when the group was taken, or beside the one that asks. */
async function chainOf(
  { object, set, directory }: GroupMember,
  path: string,
  disk: Disk,
): Promise<Chain | undefined> {
  const beside = join(dirname(resolve(path)), basename(directory));
  for (const place of new Set([directory, beside]))
    try {
      const chain = await ChainFile.readDurable(disk, join(place, CHAIN_NAME));
      if (chain.object === object && chain.set === set) return chain;
    } catch (error) {
      log('%s tells nothing of a group: %o', place, error);
    }
  return undefined;
}
