import { errnoName, realDisk, type Disk } from '@lunbox/block';
import {
  finding,
  readContainerInfo,
  type ContainerInfo,
  type Finding,
  type StorageObjectSeams,
} from '@lunbox/storage-object';
import { join } from 'node:path';
import type { Chain } from './chain.ts';
import { ChainFile } from './chain-file.ts';
import { checkAreas } from './check-areas.ts';
import { SnapshotError } from './snapshot-error.ts';
import { infoOf, type SnapshotInfo } from './snapshot-info.ts';
import { CHAIN_NAME, snapshotDirectory } from './snapshot-store.ts';

/** Options of {@link inspectSnapshots}. */
export interface InspectOptions extends StorageObjectSeams {
  /** Goes through the logs and images, too; without it only the list is read. */
  readonly areas?: boolean;
}

/** The snapshots of a container, as they lie beside it. */
export interface SnapshotInspection {
  /** Where they are. */
  readonly directory: string;
  /** Oldest first; none where the list is not the disk's, or cannot be read. */
  readonly snapshots: readonly SnapshotInfo[];
  /** What somebody should know of them. */
  readonly findings: readonly Finding[];
}

/** How often the list is read anew when it has changed under the check. */
const ATTEMPTS = 3;

/**
 * Looks at the snapshots of a container without opening it: takes no lock, writes nothing, and may be used while it is
 * served. Damage is no error but a finding. Throws as `readContainerInfo` of `@lunbox/storage-object` does.
 */
export async function inspectSnapshots(
  path: string,
  options: InspectOptions = {},
): Promise<SnapshotInspection> {
  const { disk = realDisk, areas = false } = options;
  const directory = snapshotDirectory(path);
  for (let attempt = 1; ; attempt++) {
    const info = await readContainerInfo(path, options);
    const list = await readList(disk, directory);
    const judged = judge(directory, info, list);
    const { chain } = judged;
    if (chain === undefined) return { directory, snapshots: [], findings: judged.findings };
    const damage = areas ? await checkAreas(disk, directory, chain) : [];
    // What a server that runs has deleted meanwhile is not missing.
    const isSteady =
      damage.length === 0 || attempt === ATTEMPTS || sameList(list, await readList(disk, directory));
    const snapshots = chain.snapshots.map(infoOf);
    if (isSteady) return { directory, snapshots, findings: [...judged.findings, ...damage] };
  }
}

type List = Chain | Error | undefined;

/** The list that is there; undefined when there is none, what is wrong with one that cannot be read. */
async function readList(disk: Disk, directory: string): Promise<List> {
  try {
    const file = await ChainFile.open(disk, join(directory, CHAIN_NAME), 'read');
    await file.close();
    return file.chain;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoName(error) ?? '')) return undefined;
    if (error instanceof SnapshotError || errnoName(error) !== undefined) return error as Error;
    throw error;
  }
}

const sameList = (left: List, right: List): boolean => JSON.stringify(left) === JSON.stringify(right);

/** Compares a list with what the disk says of itself. */
function judge(
  directory: string,
  { attributes, birthIdentity, continuity }: ContainerInfo,
  list: List,
): { readonly chain?: Chain; readonly findings: readonly Finding[] } {
  // What of them is gone already is meant to be; the disk itself says so.
  if (attributes.deleting === true) return { findings: [] };
  // A copy has none: those of its original are told of where they are.
  const claim = continuity === 'foreign' ? undefined : attributes.snapshots;
  if (claim === undefined) return { findings: ofNobody(directory, list) };
  if (list instanceof Error) return { findings: [finding('SNAPSHOTS_DAMAGED', list.message)] };
  if (list?.object === birthIdentity && list.set === claim.set)
    return { chain: list, findings: ofList(list, continuity === 'modified') };
  // The crash that ended the making of the first one: there never was any.
  if (claim.pending === true) return { findings: ofNobody(directory, list) };
  const message = `it has snapshots, and they are not in ${directory}; put that directory back in its place`;
  return { findings: [finding('SNAPSHOTS_MISSING', message), ...ofNobody(directory, list)] };
}

/** A list without snapshots is nothing to be kept. */
function ofNobody(directory: string, list: List): Finding[] {
  if (list === undefined || (!(list instanceof Error) && list.snapshots.length === 0)) return [];
  const message = `${directory} has snapshots that are not those of this disk; they are left alone`;
  return [finding('SNAPSHOTS_DETACHED', message)];
}

function ofList({ snapshots, restore }: Chain, isModified: boolean): Finding[] {
  const suspects = snapshots.filter(({ suspect }) => isModified || suspect === true);
  const findings: Finding[] = [];
  if (suspects.length > 0) {
    const which = `${suspects.length} of its ${snapshots.length} snapshots`;
    const message = `the disk was changed around ${which}: what they have may be wrong`;
    findings.push(finding('SNAPSHOTS_SUSPECT', message));
  }
  if (restore !== undefined)
    findings.push(finding('RESTORE_UNFINISHED', 'it is being restored; the next start goes on with that'));
  return findings;
}
