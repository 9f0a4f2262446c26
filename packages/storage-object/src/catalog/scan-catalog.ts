import type { FileStatus } from '@lunbox/block';
import { basename, dirname, join, resolve } from 'node:path';
import { checkPartsOf, ofContinuity } from '../check/check-container.ts';
import { findDrafts, type Draft } from '../check/drafts.ts';
import { finding } from '../check/finding.ts';
import { ContainerError } from '../container-error.ts';
import { readContainerInfo, type ContainerInfo } from '../container-info.ts';
import { ioError } from '../io-error.ts';
import { lockPathOf, readLockOwner } from '../lock-file.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from '../seams.ts';
import {
  Catalog,
  fileOf,
  type CatalogContent,
  type CatalogObject,
  type PartFile,
  type UnusableFile,
} from './catalog.ts';
import { wishesOf } from './wishes.ts';
import {
  cacheStampOf,
  fileMarkOf,
  markOf,
  readCache,
  writeCache,
  type CachedObject,
  type CachedObjects,
} from './catalog-cache.ts';

/** How {@link CatalogScanner.scan} goes about it. */
export interface ScanOptions {
  /** Reads every header, whatever the caches say, and writes no caches. */
  readonly withoutCache?: boolean;
}

/** Options of {@link scanCatalog}. */
export interface CatalogOptions extends StorageObjectSeams, ScanOptions {}

/** Name of a container file. */
const CONTAINER_NAME = /\.lun$/;
/** More containers than this in one directory are refused. */
const OBJECTS_LIMIT = 10_000;
/** Files that are read at the same time. */
const READERS = 8;

/** What was found under one name. */
interface Found {
  readonly name: string;
  readonly object?: CatalogObject;
  readonly unusable?: UnusableFile;
  readonly part?: PartFile;
  /** What the cache is to keep of it. */
  readonly cached?: CachedObject;
  /** The last scan has found the same object under this name. */
  readonly wasHere?: boolean;
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
  return new Catalog(await new CatalogScanner(options).scan(directories, options));
}

/**
 * Scans directories time and again. It knows what it has found there before: files that are as they were are not read
 * again, those that have another name now are told by it, and those that went are told of.
 */
export class CatalogScanner {
  readonly #seams: Seams;
  /** What the last scan has found, by directory. */
  readonly #known = new Map<string, CachedObjects>();
  #latest: CatalogContent | undefined;

  /** @param seams - what stands for the file system, the clock and the processes. */
  constructor(seams: StorageObjectSeams = {}) {
    this.#seams = completeSeams(seams);
  }

  /** What the last scan has found; undefined before the first. */
  get latest(): CatalogContent | undefined {
    return this.#latest;
  }

  /**
   * As {@link scanCatalog}; directories that it has scanned before are compared with what it found then, others with
   * their cache. One scan at a time.
   */
  async scan(
    directories: readonly string[],
    { withoutCache = false }: ScanOptions = {},
  ): Promise<CatalogContent> {
    const scans: DirectoryScan[] = [];
    const seen = new Set<string>();
    for (const directory of directories) {
      const scan = await scanDirectory(this.#seams, directory, seen, {
        withoutCache,
        known: this.#known.get(resolve(directory)),
      });
      scans.push(scan);
      this.#known.set(resolve(directory), scan.after);
    }
    const missing = new Map(scans.flatMap((scan) => [...scan.missing]));
    const objects = scans.flatMap(({ found }) => found.flatMap((each) => tellFormerName(each, missing)));
    objects.sort((left, right) => (left.path < right.path ? -1 : 1));
    this.#latest = {
      objects,
      unusable: scans.flatMap(({ found }) => found.flatMap((each) => each.unusable ?? [])),
      parts: scans.flatMap(({ found }) => found.flatMap((each) => each.part ?? [])),
      gone: [...missing.values()],
      drafts: scans.flatMap(({ drafts }) => drafts),
    };
    return this.#latest;
  }
}

/** What was found in one directory. */
interface DirectoryScan {
  readonly found: readonly Found[];
  /** Paths of objects that a former scan has found and this one has not, by what they are known by. */
  readonly missing: ReadonlyMap<string, string>;
  /** What the next scan is to know. */
  readonly after: CachedObjects;
  readonly drafts: readonly Draft[];
}

async function scanDirectory(
  seams: Seams,
  directory: string,
  seen: Set<string>,
  { withoutCache, known }: { readonly withoutCache: boolean; readonly known: CachedObjects | undefined },
): Promise<DirectoryScan> {
  const { disk, random } = seams;
  const names = await containersIn(seams, directory, seen);
  if (names === undefined) return { found: [], missing: new Map(), after: new Map(), drafts: [] };
  const before: CachedObjects = known ?? (withoutCache ? new Map() : await readCache(disk, directory));
  const found = await inParallel(names, (name) => look(seams, join(directory, name), name, before.get(name)));
  const present = new Set(names);
  const missing = new Map(
    [...before].flatMap(([name, cached]) =>
      present.has(name) ? [] : [[markOf(cached), join(directory, name)]],
    ),
  );
  const after = new Map(found.flatMap(({ name, cached }) => (cached ? [[name, cached] as const] : [])));
  if (!withoutCache && !sameCache(before, after)) await writeCache(disk, random, directory, after);
  return { found, missing, after, drafts: await findDrafts(directory, seams) };
}

/** A file that was found elsewhere before is taken from those that are missing. */
function tellFormerName({ object, cached, wasHere }: Found, missing: Map<string, string>): CatalogObject[] {
  if (object === undefined) return [];
  const mark = cached && !wasHere ? markOf(cached) : '';
  const formerPath = missing.get(mark);
  if (formerPath === undefined) return [object];
  missing.delete(mark);
  const isNear = dirname(formerPath) === dirname(object.path);
  const message = `it was called ${isNear ? basename(formerPath) : formerPath}`;
  return [{ ...object, findings: [...object.findings, finding('RENAMED', message)] }];
}

/** Undefined when the directory was scanned already, by another name. */
async function containersIn(
  { disk }: Seams,
  directory: string,
  seen: Set<string>,
): Promise<string[] | undefined> {
  try {
    const { deviceId, inode } = await disk.status(directory);
    const names = (await disk.readdir(directory)).filter((name) => CONTAINER_NAME.test(name));
    if (names.length > OBJECTS_LIMIT) {
      const message = `${directory} has more than ${OBJECTS_LIMIT} containers; spread them over several directories`;
      throw new ContainerError('CONTAINER_IO', message, { path: directory });
    }
    const isNew = !seen.has(`${deviceId}/${inode}`);
    seen.add(`${deviceId}/${inode}`);
    return isNew ? names : undefined;
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
    const { continuity, holder, usedBytes, layout, partOf } = info;
    if (partOf !== undefined) return { name, part: { path, partOf } };
    // Parts come and go without their container.
    const isSettled = continuity === 'clean' && holder === undefined && layout === undefined;
    const cached = summaryOf(info, isSettled ? stamp : fileMarkOf(status));
    const findings = [
      ...(holder === undefined ? ofContinuity(continuity) : []),
      ...(layout === undefined ? [] : await checkPartsOf(path, seams)),
    ];
    const live = { continuity, holder, usedBytes, layout, findings };
    const object = { ...objectOf(path, name, status, cached), ...live };
    return { name, object, cached, wasHere: before !== undefined && markOf(before) === markOf(cached) };
  } catch (error) {
    const failure = ioError('read', path, error);
    if (!(failure instanceof ContainerError)) throw failure;
    return { name, unusable: { path, code: failure.code, message: failure.message } };
  }
}

/** Only objects that were closed in order have whole stamps in a cache, and this one has not changed since. */
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
  return { name, object: { ...objectOf(path, name, status, cached), holder }, cached, wasHere: true };
}

function objectOf(path: string, name: string, status: FileStatus, cached: CachedObject): CatalogObject {
  const { identity, capacityBytes, blockSize, lun, title, snapshotSet } = cached;
  return {
    path,
    name,
    identity,
    capacityBytes,
    blockSize,
    usedBytes: status.allocatedBytes,
    lun,
    title,
    ...(snapshotSet === undefined ? {} : { snapshotSet }),
    layout: undefined,
    continuity: 'clean',
    holder: undefined,
    file: fileOf(status),
    findings: [],
  };
}

function summaryOf(
  { identity, capacityBytes, blockSize, attributes }: ContainerInfo,
  stamp: string,
): CachedObject {
  return { stamp, identity, capacityBytes, blockSize, ...wishesOf(attributes) };
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
