import type { NewSnapshot, SpacePolicy, SnapshotInfo, SnapshotSet, SnapshotUsage } from '@lunbox/snapshot';
import { ServerError } from '../server-error.ts';
import { findSnapshot } from '../snapshot-luns.ts';
import { usageIfThere } from '../snapshot-usage.ts';
import type { CopyVerb } from './snap-copies.ts';
import type { ControlRequest } from './control-request.ts';

/** The snapshots of one disk, of a server that has it or of this process alone. */
export interface SnapDesk {
  /** The file with the disk. */
  readonly disk: string;
  readonly set: SnapshotSet;
  /** The LUN under which initiators read a snapshot. */
  lunOf(id: string): number | undefined;
  /** Takes one while what uses the disk is suspended; undefined where nobody serves it. */
  createQuiesced?(options: Omit<NewSnapshot, 'level'>): Promise<SnapshotInfo>;
  /** Deletes a snapshot that is not in use. */
  delete(snapshot: string): Promise<void>;
}

/** A snapshot as `snap ls` tells of it. */
export interface SnapRow extends SnapshotInfo, SnapshotUsage {
  /** The LUN under which initiators read it. */
  readonly lun?: number;
}

/** What `snap ls` tells. */
export interface SnapList {
  readonly disk: string;
  /** The restore that goes on. */
  readonly restoring?: NonNullable<SnapshotSet['restoring']>;
  /** Oldest first. */
  readonly snapshots: readonly SnapRow[];
}

/** What a change of one snapshot tells. */
export interface SnapEvent {
  readonly event: string;
  readonly disk: string;
  readonly snapshot: SnapshotInfo;
}

/** Verbs that are the same, whoever has the disk, and answer with one object. */
export type SimpleVerb = Exclude<
  Extract<ControlRequest['verb'], `snap-${string}`>,
  | 'snap-diff'
  | 'snap-restore'
  | 'snap-open'
  | 'snap-close'
  | 'snap-group'
  | 'snap-prune'
  | 'snap-schedule'
  | CopyVerb
>;

/** What is done when there is no room. */
export interface SnapPolicy extends SpacePolicy {
  readonly event: 'policy';
  readonly disk: string;
}

/** What one of the verbs answers. */
export type SnapAnswer = SnapList | SnapEvent | SnapPolicy;

type Action<V extends SimpleVerb> = (desk: SnapDesk, request: ControlRequest<V>) => Promise<SnapAnswer>;

/** What each of them does. */
export const SNAP_ACTIONS: { readonly [V in SimpleVerb]: Action<V> } = {
  'snap-ls': listSnapshots,
  'snap-policy': decidePolicy,
  'snap-create': async (desk, { name, quiesce = false, ...more }) => {
    const options = { ...newOptions(more), ...(name === undefined ? {} : { name }) };
    return told(desk, 'created', await (quiesce ? createQuiesced(desk, options) : desk.set.create(options)));
  },
  'snap-rm': async (desk, { snapshot }) => {
    const info = findSnapshot(desk.set, snapshot);
    await desk.delete(info.id);
    return told(desk, 'deleted', info);
  },
  'snap-rename': async (desk, { snapshot, name }) =>
    told(desk, 'renamed', await desk.set.rename(snapshot, name)),
  'snap-hold': async (desk, { snapshot, holder }) =>
    told(desk, 'held', await desk.set.hold(snapshot, holder)),
  'snap-release': async (desk, { snapshot, holder }) => {
    const { name, holds } = findSnapshot(desk.set, snapshot);
    if (!holds.includes(holder))
      throw new ServerError('SERVER_WRONG_STATE', `snapshot ${name} is not held by ${holder}`);
    return told(desk, 'released', await desk.set.release(snapshot, holder));
  },
  'snap-refresh': async (desk, { snapshot, ...more }) =>
    told(desk, 'refreshed', await desk.set.refresh(snapshot, newOptions(more))),
  'snap-bookmark': async (desk, { snapshot }) => told(desk, 'bookmarked', await desk.set.bookmark(snapshot)),
};

/** Does what a request asks for. */
export async function actOn(desk: SnapDesk, request: ControlRequest<SimpleVerb>): Promise<SnapAnswer> {
  return (SNAP_ACTIONS[request.verb] as Action<SimpleVerb>)(desk, request);
}

/** What a new snapshot is to be, as far as it was said. */
export function newOptions({
  level,
  labels,
  method,
}: Pick<NewSnapshot, 'level' | 'labels' | 'method'>): NewSnapshot {
  return {
    ...(level === undefined ? {} : { level }),
    ...(labels === undefined ? {} : { labels }),
    ...(method === undefined ? {} : { method }),
  };
}

async function createQuiesced(desk: SnapDesk, { level, ...options }: NewSnapshot): Promise<SnapshotInfo> {
  if (level !== undefined)
    throw new ServerError('SERVER_BAD_OPTIONS', 'the level is that of what was suspended; leave it out');
  if (desk.createQuiesced === undefined)
    throw new ServerError('SERVER_WRONG_STATE', `nobody serves ${desk.disk}: there is nothing to suspend`);
  return await desk.createQuiesced(options);
}

/** What has been done to a snapshot. */
export function told({ disk }: Pick<SnapDesk, 'disk'>, event: string, snapshot: SnapshotInfo): SnapEvent {
  return { event, disk, snapshot };
}

async function listSnapshots(desk: SnapDesk): Promise<SnapList> {
  const { disk, set } = desk;
  // What cannot be told of a group yet is listed as it is.
  if (set.list().some(({ prepared }) => prepared)) await set.settle().catch(() => undefined);
  const snapshots: SnapRow[] = [];
  for (const info of set.list()) {
    const lun = desk.lunOf(info.id);
    const usage = await usageIfThere(set, info.id);
    if (usage !== undefined) snapshots.push({ ...info, ...usage, ...(lun === undefined ? {} : { lun }) });
  }
  const { restoring } = set;
  return { disk, ...(restoring === undefined ? {} : { restoring }), snapshots };
}

/** Tells what is done when there is no room, after changing what was asked for. */
async function decidePolicy(
  { disk, set }: SnapDesk,
  { limitBytes, whenFull, method = set.policy.method }: ControlRequest<'snap-policy'>,
): Promise<SnapPolicy> {
  const { policy: before } = set;
  const limit = limitBytes === undefined ? before.limitBytes : (limitBytes ?? undefined);
  if (limitBytes !== undefined || whenFull !== undefined || method !== before.method)
    await set.setPolicy({
      whenFull: whenFull ?? before.whenFull,
      ...(limit === undefined ? {} : { limitBytes: limit }),
      ...(method === undefined ? {} : { method }),
    });
  return { event: 'policy', disk, ...set.policy };
}
