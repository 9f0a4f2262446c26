import { errnoName, type Disk, type DiskFile, type FileStatus } from '@lunbox/block';
import { join } from 'node:path';
import { draftOf, draftStateOf, isDraftName, takeDraft, type DraftState } from '../draft.ts';
import { ioError } from '../io-error.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from '../seams.ts';
import type { CheckReport } from './check-container.ts';
import { partsOfDraft, removePartsOfDraft } from './draft-parts.ts';
import { finding, worstOf, type Finding } from './finding.ts';
import type { RepairReport, RepairStep } from './repair-container.ts';

/** A file that is to become a container or an image, or was to. */
export interface Draft {
  readonly path: string;
  /** Space that it takes, with its parts. */
  readonly usedBytes: number;
  /** Paths of the files that were made for it already, as parts of a disk. */
  readonly parts: readonly string[];
  /** `DRAFT_LEFT`, or `DRAFT_IN_WORK`. */
  readonly findings: readonly Finding[];
}

/** Options of {@link repairDrafts}. */
export interface DraftRepairOptions extends StorageObjectSeams {
  /** Deletes what was left behind; without this it only says so. */
  readonly apply?: boolean;
}

/** What was found of one draft. */
interface Found extends Draft {
  readonly state: DraftState;
}

/**
 * Looks for the drafts in a directory, not in those within it: what creating, importing and exporting disks write
 * before it gets its name, and leave behind when they are killed. Changes nothing. Throws `CONTAINER_IO`.
 */
export async function findDrafts(directory: string, options: StorageObjectSeams = {}): Promise<Draft[]> {
  return (await find(completeSeams(options), directory)).map(({ path, usedBytes, parts, findings }) => ({
    path,
    usedBytes,
    parts,
    findings,
  }));
}

/**
 * Deletes the drafts of a directory that nobody writes any more; where there are no locks that tell, it deletes none.
 * Throws `CONTAINER_IO`.
 */
export async function repairDrafts(
  directory: string,
  options: DraftRepairOptions = {},
): Promise<RepairReport> {
  const seams = completeSeams(options);
  const steps: RepairStep[] = [];
  let applied = false;
  for (const { path, state, usedBytes, parts } of await find(seams, directory)) {
    if (state !== 'left') continue;
    if (options.apply === true && !(await remove(seams, path))) continue;
    applied ||= options.apply === true;
    const names = [path, ...parts].join(', ');
    steps.push({ mends: 'DRAFT_LEFT', action: `delete ${names}: ${usedBytes} bytes come free` });
  }
  try {
    if (applied) await seams.disk.syncDirectory(directory);
  } catch (error) {
    throw ioError('sync', directory, error);
  }
  return { path: directory, steps, applied, savedPath: undefined, check: await checkAll(seams, directory) };
}

async function checkAll(seams: Seams, directory: string): Promise<CheckReport> {
  const findings = (await find(seams, directory)).flatMap((draft) => draft.findings);
  return { path: directory, identity: undefined, verdict: worstOf(findings), findings };
}

async function find(seams: Seams, directory: string): Promise<Found[]> {
  const found: Found[] = [];
  try {
    for (const name of (await seams.disk.readdir(directory)).filter(isDraftName)) {
      const draft = await lookAt(seams, join(directory, name));
      if (draft !== undefined) found.push(draft);
    }
  } catch (error) {
    throw ioError('scan', directory, error);
  }
  return found;
}

async function lookAt(seams: Seams, path: string): Promise<Found | undefined> {
  const { disk } = seams;
  try {
    const status = await disk.status(path);
    // Whoever made something else of that name knows what for.
    if (status.kind !== 'file') return undefined;
    const name = draftOf(path);
    const [state, named] = [await stateOf(disk, path), await statusIfThere(disk, name)];
    const isPublished = named?.inode === status.inode && named.deviceId === status.deviceId;
    const found = isPublished ? [] : await partsOfDraft(path, seams);
    const partBytes = found.reduce((sum, part) => sum + part.usedBytes, 0);
    const usedBytes = isPublished ? 0 : status.allocatedBytes + partBytes;
    const parts = found.map((part) => part.path);
    return {
      path,
      usedBytes,
      parts,
      state,
      findings: [judge({ path, usedBytes, parts }, state, isPublished)],
    };
  } catch (error) {
    // It has got its name meanwhile.
    if (errnoName(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function statusIfThere(disk: Disk, path: string): Promise<FileStatus | undefined> {
  try {
    return await disk.status(path);
  } catch (error) {
    if (errnoName(error) === undefined) throw error;
    return undefined;
  }
}

async function stateOf(disk: Disk, path: string): Promise<DraftState> {
  let file: DiskFile | undefined;
  try {
    file = await disk.open(path, 'read');
    return draftStateOf(file);
  } catch (error) {
    if (errnoName(error) === undefined || errnoName(error) === 'ENOENT') throw error;
    return 'unknown';
  } finally {
    await file?.close();
  }
}

function judge(
  { path, usedBytes, parts }: Omit<Draft, 'findings'>,
  state: DraftState,
  isPublished: boolean,
): Finding {
  if (state === 'in-work') return finding('DRAFT_IN_WORK', `${path} is being written just now`);
  const withParts = parts.length === 0 ? '' : ` with its parts ${parts.join(', ')}`;
  const what = isPublished ? `is a second name of ${draftOf(path)}` : `takes ${usedBytes} bytes${withParts}`;
  if (state === 'left') {
    return finding(
      'DRAFT_LEFT',
      `${path} was left by somebody who was making a disk or an image, and ${what}`,
    );
  }
  return finding('DRAFT_LEFT', `${path} ${what}; delete it if nobody is making a disk or an image there`);
}

/** Opens a draft that nobody writes; undefined when somebody does. */
async function openLeft(disk: Disk, path: string): Promise<DiskFile | undefined> {
  let file: DiskFile;
  let isTaken: (file: DiskFile) => boolean;
  try {
    file = await disk.open(path, 'write');
    // Nobody gives it its name while it is locked.
    isTaken = (file) => takeDraft(file) !== 'granted';
  } catch (error) {
    if (errnoName(error) !== 'EACCES') throw error;
    // It is the second name of what was made read-only under its own.
    file = await disk.open(path, 'read');
    isTaken = (file) => draftStateOf(file) !== 'left';
  }
  if (!isTaken(file)) return file;
  await file.close();
  return undefined;
}

/** Whether it was deleted: not when somebody has begun to write it, or it has got its name. */
async function remove(seams: Seams, path: string): Promise<boolean> {
  const { disk } = seams;
  let file: DiskFile | undefined;
  try {
    file = await openLeft(disk, path);
    if (file === undefined) return false;
    await removePartsOfDraft(path, seams);
    await disk.unlink(path);
    return true;
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return false;
    throw ioError('delete', path, error);
  } finally {
    await file?.close();
  }
}
