import {
  inspectSnapshots,
  snapshotDirectory,
  type SnapshotInfo,
  type SnapshotInspection,
} from '@lunbox/snapshot';
import { ContainerError, type CatalogContent } from '@lunbox/storage-object';
import { access } from 'node:fs/promises';
import type { LunboxServer } from '../server.ts';
import type { ServedObject } from '../status.ts';

/** An object of a catalog, with its snapshots. */
export interface ListedObject extends ServedObject {
  /** Oldest first. */
  readonly snapshots: readonly SnapshotInfo[];
}

/** A catalog whose objects tell of their snapshots. */
export interface ListedCatalog extends Omit<CatalogContent, 'objects'> {
  readonly objects: readonly ListedObject[];
}

/** Containers that are looked at at the same time. */
const READERS = 8;

/** Reads the lists of snapshots beside the objects of a catalog, and tells what is wrong with them. Writes nothing. */
export async function withSnapshotLists(content: CatalogContent<ServedObject>): Promise<ListedCatalog> {
  const { unusable, parts, gone, drafts } = content;
  const objects: ListedObject[] = [];
  let next = 0;
  const reader = async (): Promise<void> => {
    while (next < content.objects.length) {
      const index = next++;
      objects[index] = await listed(content.objects[index] as ServedObject);
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return { objects, unusable, parts, gone, drafts };
}

async function listed(object: ServedObject): Promise<ListedObject> {
  const isThere = await access(snapshotDirectory(object.path)).then(
    () => true,
    () => false,
  );
  if (!isThere && object.snapshotSet === undefined) return { ...object, snapshots: [] };
  const { snapshots, findings } = await lookAt(object.path);
  return { ...object, snapshots, findings: [...object.findings, ...findings] };
}

/** Says on standard error, when a server has started, what is wrong with the snapshots of what it serves. */
export async function warnOfSnapshots({ targets }: Pick<LunboxServer, 'targets'>): Promise<void> {
  for (const { path } of targets.flatMap(({ luns }) => luns))
    for (const { severity, message, code } of path === undefined ? [] : (await lookAt(path)).findings)
      console.error(`lunbox: ${severity}: ${path}: ${message} (${code})`);
}

/** What is no container, or no more, has none. */
async function lookAt(path: string): Promise<Pick<SnapshotInspection, 'snapshots' | 'findings'>> {
  try {
    return await inspectSnapshots(path);
  } catch (error) {
    if (error instanceof ContainerError) return { snapshots: [], findings: [] };
    throw error;
  }
}
