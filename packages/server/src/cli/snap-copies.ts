import {
  cloneSnapshot,
  publishSnapshot,
  verifySnapshot,
  type BackgroundOptions,
  type Clone,
  type SnapshotInfo,
  type SnapshotManifest,
  type VerifyReport,
} from '@lunbox/snapshot';
import { readContainerInfo } from '@lunbox/storage-object';
import { basename } from 'node:path';
import { cloneSource, sharedAttributes } from '../clone-source.ts';
import { findSnapshot } from '../snapshot-luns.ts';
import type { ControlRequest } from './control-request.ts';
import { told, type SnapDesk, type SnapEvent } from './snap-desk.ts';

/** Verbs that read all of a snapshot, which takes long. */
export type CopyVerb = 'snap-publish' | 'snap-clone' | 'snap-verify';

/** What they tell. */
export interface CopyResults {
  readonly 'snap-publish': SnapEvent & { readonly manifest: SnapshotManifest };
  readonly 'snap-clone': SnapEvent & { readonly clone: Clone };
  readonly 'snap-verify': SnapEvent & { readonly report: Omit<VerifyReport, 'snapshot'> };
}

type Action<V extends CopyVerb> = (
  desk: SnapDesk,
  request: ControlRequest<V>,
  options: BackgroundOptions,
) => Promise<CopyResults[V]>;

/** What each of them does, whoever has the disk. */
const ACTIONS: { readonly [V in CopyVerb]: Action<V> } = {
  'snap-publish': async (desk, { snapshot, directory, name }, options) => {
    const info = findSnapshot(desk.set, snapshot);
    const { attributes } = await readContainerInfo(desk.disk);
    const manifest = await publishSnapshot(desk.set, info.id, {
      ...options,
      directory,
      name: name ?? defaultName(desk, info),
      attributes: sharedAttributes(attributes),
    });
    return { ...told(desk, 'published', info), manifest };
  },
  'snap-clone': async (desk, { snapshot, target }, options) => {
    const info = findSnapshot(desk.set, snapshot);
    const source = await cloneSource(desk.disk);
    const clone = await cloneSnapshot(desk.set, info.id, target, { ...options, ...source });
    return { ...told(desk, 'cloned', info), clone };
  },
  'snap-verify': async (desk, { snapshot, manifest: manifestPath }, options) => {
    const info = findSnapshot(desk.set, snapshot);
    const { snapshot: _info, ...report } = await verifySnapshot(desk.set, info.id, {
      ...options,
      ...(manifestPath === undefined ? {} : { manifestPath }),
    });
    return { ...told(desk, report.sound ? 'sound' : 'not sound', info), report };
  },
};

/** Does what a request asks for. */
export async function copyOn<V extends CopyVerb>(
  desk: SnapDesk,
  request: ControlRequest<V>,
  options: BackgroundOptions,
): Promise<CopyResults[V]> {
  const { bytesPerSecond } = request;
  const rate = bytesPerSecond === undefined ? {} : { bytesPerSecond };
  // A union of verbs cannot be narrowed to the one that the table is asked for.
  return await (ACTIONS[request.verb as V] as Action<V>)(desk, request, { ...options, ...rate });
}

/** The names of the disk and of the snapshot, or its identity where a file cannot be called so. */
function defaultName({ disk }: SnapDesk, { id, name }: SnapshotInfo): string {
  const label = /^[\w.,:+@=-][\w.,:+@= -]{0,99}$/.test(name) ? name : id;
  return `${basename(disk).replace(/\.lun$/, '')}-${label}`;
}
