import type { FileStatus } from '@lunbox/block';
import { join } from 'node:path';
import { ofContinuity } from '../check/check-container.ts';
import { finding } from '../check/finding.ts';
import { ContainerError } from '../container-error.ts';
import { readContainerInfo, type ContainerInfo } from '../container-info.ts';
import { ioError } from '../io-error.ts';
import { lockPathOf, readLockOwner } from '../lock-file.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from '../seams.ts';
import { Catalog, type CatalogObject, type UnusableFile } from './catalog.ts';
import {
  cacheStampOf,
  readCache,
  writeCache,
  type CachedObject,
  type CachedObjects,
} from './catalog-cache.ts';

/** Options of {@link scanCatalog}. */
export interface CatalogOptions extends StorageObjectSeams {
  /** Reads every header, whatever the caches say, and writes no caches. */
  readonly withoutCache?: boolean;
}

/** Name of a container file. */
const CONTAINER_NAME = /\.lun$/;
/** More containers than this in one directory are refused. */
const OBJECTS_LIMIT = 10_000;
/** Characters of a name for people. */
const TITLE_LIMIT = 256;
/** Files that are read at the same time. */
const READERS = 8;

/** What was found under one name. */
interface Found {
  readonly name: string;
  readonly object?: CatalogObject;
  readonly unusable?: UnusableFile;
  /** What the cache is to keep of it. */
  readonly cached?: CachedObject;
}

/**
 * Looks at every container (`*.lun`) in some directories; not in directories within them, and not in those named twice.
 * Takes no lock, changes no container and works while they are served; a file that cannot be used is told of and stops
 * nothing. A cache in each directory spares reading the headers of files that are as they were; it is written anew
 * where that is possible. Throws `CONTAINER_IO` when a directory cannot be read, or has more than 10 000 containers.
 */
export async function scanCatalog(
  directories: readonly string[],
  options: CatalogOptions = {},
): Promise<Catalog> {
  const seams = completeSeams(options);
  const objects: CatalogObject[] = [];
  const unusable: UnusableFile[] = [];
  const gone: string[] = [];
  const seen = new Set<string>();
  for (const directory of directories) {
    const found = await scanDirectory(seams, directory, seen, options.withoutCache === true);
    objects.push(...found.objects);
    unusable.push(...found.unusable);
    gone.push(...found.gone);
  }
  objects.sort((left, right) => (left.path < right.path ? -1 : 1));
  return new Catalog({ objects, unusable, gone });
}

async function scanDirectory(
  seams: Seams,
  directory: string,
  seen: Set<string>,
  withoutCache: boolean,
): Promise<Pick<Catalog, 'objects' | 'unusable' | 'gone'>> {
  const { disk, random } = seams;
  const names = await containersIn(seams, directory, seen);
  const before: CachedObjects = withoutCache ? new Map() : await readCache(disk, directory);
  const found = await inParallel(names, (name) => look(seams, join(directory, name), name, before.get(name)));
  const present = new Set(names);
  const missing = new Map(
    [...before].flatMap(([name, { stamp }]) => (present.has(name) ? [] : [[stamp, name]])),
  );
  const objects = found.flatMap(({ object, cached }) => {
    if (object === undefined) return [];
    // It was moved as it is: otherwise it would have another stamp.
    const formerName = cached && missing.get(cached.stamp);
    if (formerName === undefined) return [object];
    missing.delete(cached?.stamp ?? '');
    return [{ ...object, findings: [...object.findings, finding('RENAMED', `it was called ${formerName}`)] }];
  });
  const after = new Map(found.flatMap(({ name, cached }) => (cached ? [[name, cached] as const] : [])));
  if (!withoutCache && !sameCache(before, after)) await writeCache(disk, random, directory, after);
  return {
    objects,
    unusable: found.flatMap((each) => each.unusable ?? []),
    gone: [...missing.values()].map((name) => join(directory, name)),
  };
}

async function containersIn({ disk }: Seams, directory: string, seen: Set<string>): Promise<string[]> {
  try {
    const { deviceId, inode } = await disk.status(directory);
    const names = (await disk.readdir(directory)).filter((name) => CONTAINER_NAME.test(name));
    if (names.length > OBJECTS_LIMIT) {
      const message = `${directory} has more than ${OBJECTS_LIMIT} containers; spread them over several directories`;
      throw new ContainerError('CONTAINER_IO', message, { path: directory });
    }
    const isNew = !seen.has(`${deviceId}/${inode}`);
    seen.add(`${deviceId}/${inode}`);
    return isNew ? names : [];
  } catch (error) {
    throw ioError('scan', directory, error);
  }
}

async function look(
  seams: Seams,
  path: string,
  name: string,
  before: CachedObject | undefined,
): Promise<Found> {
  try {
    const status = await seams.disk.status(path);
    // Opening a pipe would wait for whoever writes into it.
    if (status.kind !== 'file')
      throw new ContainerError('CONTAINER_NOT_LUNBOX', `${path} is no file`, { path });
    const stamp = cacheStampOf(status);
    if (before?.stamp === stamp) return await fromCache(seams, path, name, status, before);
    const info = await readContainerInfo(path, seams);
    const cached = summaryOf(info, stamp);
    const findings = info.holder === undefined ? ofContinuity(info.continuity) : [];
    const { continuity, holder, usedBytes } = info;
    const object = { ...objectOf(path, name, status, cached), continuity, holder, usedBytes, findings };
    return { name, object, ...(continuity === 'clean' && holder === undefined ? { cached } : {}) };
  } catch (error) {
    const failure = ioError('read', path, error);
    if (!(failure instanceof ContainerError)) throw failure;
    return { name, unusable: { path, code: failure.code, message: failure.message } };
  }
}

/** Only objects that were closed in order are in a cache, and this one has not changed since. */
async function fromCache(
  { disk }: Seams,
  path: string,
  name: string,
  status: FileStatus,
  cached: CachedObject,
): Promise<Found> {
  const owner = await readLockOwner(disk, lockPathOf(path));
  const isHeld = owner?.inode === String(status.inode);
  const holder = isHeld ? { host: owner.host, pid: owner.pid, openedAtMs: owner.openedAtMs } : undefined;
  return { name, object: { ...objectOf(path, name, status, cached), holder }, cached };
}

function objectOf(path: string, name: string, status: FileStatus, cached: CachedObject): CatalogObject {
  const { identity, capacityBytes, blockSize, lun, title } = cached;
  return {
    path,
    name,
    identity,
    capacityBytes,
    blockSize,
    usedBytes: status.allocatedBytes,
    lun,
    title,
    continuity: 'clean',
    holder: undefined,
    file: `${status.deviceId}/${status.inode}`,
    findings: [],
  };
}

/** Attributes come from the file as they are: of the wrong shape they count as absent. */
function summaryOf(
  { identity, capacityBytes, blockSize, attributes }: ContainerInfo,
  stamp: string,
): CachedObject {
  const lun: unknown = (attributes.location as { lun?: unknown } | null | undefined)?.lun;
  const { name } = attributes;
  return {
    stamp,
    identity,
    capacityBytes,
    blockSize,
    ...(typeof lun === 'number' && Number.isSafeInteger(lun) && lun >= 0 ? { lun } : {}),
    ...(typeof name === 'string' ? { title: name.slice(0, TITLE_LIMIT) } : {}),
  };
}

function sameCache(left: CachedObjects, right: CachedObjects): boolean {
  return JSON.stringify([...left]) === JSON.stringify([...right]);
}

/** Answers in the order of the names. */
async function inParallel(names: readonly string[], run: (name: string) => Promise<Found>): Promise<Found[]> {
  const results: Found[] = [];
  let next = 0;
  const reader = async (): Promise<void> => {
    while (next < names.length) {
      const index = next++;
      results[index] = await run(names[index] as string);
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return results;
}
