import { errnoName, type Disk, type FileStatus, type Random } from '@lunbox/block';
import debug from 'debug';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { readSmallFile, unlinkIfThere } from '../files.ts';

const log = debug('lunbox:storage-object:catalog');

/** Name of the cache within each storage directory. */
export const CACHE_NAME = '.lunbox-catalog';

/** What the cache keeps of one object. */
export interface CachedObject {
  /** The file as it was, {@link cacheStampOf}; {@link fileMarkOf} alone when it was not closed in order. */
  readonly stamp: string;
  readonly identity: string;
  readonly capacityBytes: number;
  readonly blockSize: number;
  readonly lun?: number;
  readonly title?: string;
  readonly snapshotSet?: string;
}

/** Objects by the names of their files. */
export type CachedObjects = ReadonlyMap<string, CachedObject>;

const LIMIT_BYTES = 16 << 20;

/** What a file must still be like for what the cache says of it to count. */
export function cacheStampOf(status: FileStatus): string {
  return [fileMarkOf(status), status.mtimeNs, status.sizeBytes].join('/');
}

/** What a file is known by, whatever its name and its content are. */
export function fileMarkOf({ inode, deviceId, birthTimeNs }: FileStatus): string {
  return [deviceId, inode, birthTimeNs].join('/');
}

/** What an object is known by when its file has another name. */
export function markOf({ stamp, identity }: CachedObject): string {
  return [...stamp.split('/').slice(0, 3), identity].join('/');
}

/** Reads the cache of a directory; a missing, damaged or unreadable one is an empty one. */
export async function readCache(disk: Disk, directory: string): Promise<CachedObjects> {
  try {
    const status = await disk.status(join(directory, CACHE_NAME));
    if (status.kind !== 'file' || status.sizeBytes > LIMIT_BYTES) return new Map();
    const bytes = await readSmallFile(disk, join(directory, CACHE_NAME), status.sizeBytes);
    return bytes === undefined ? new Map() : parseCache(bytes.toString('utf8'));
  } catch (error) {
    if (errnoName(error) === undefined) throw error;
    return new Map();
  }
}

/** The first line is the checksum of the rest. */
function parseCache(text: string): CachedObjects {
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  if (end < 0 || text.slice(0, end) !== checksumOf(body)) return new Map();
  try {
    const entries: unknown = JSON.parse(body);
    if (!Array.isArray(entries)) return new Map();
    return new Map(entries.filter(isEntry));
  } catch {
    return new Map();
  }
}

const checksumOf = (body: string): string => crc32(body).toString(16).padStart(8, '0');

function isEntry(value: unknown): value is [string, CachedObject] {
  if (!Array.isArray(value) || typeof value[0] !== 'string') return false;
  const object = value[1] as Partial<CachedObject> | null | undefined;
  return (
    typeof object === 'object' &&
    object !== null &&
    typeof object.stamp === 'string' &&
    typeof object.identity === 'string' &&
    Number.isSafeInteger(object.capacityBytes) &&
    Number.isSafeInteger(object.blockSize) &&
    (object.lun === undefined || Number.isSafeInteger(object.lun)) &&
    (object.title === undefined || typeof object.title === 'string') &&
    (object.snapshotSet === undefined || typeof object.snapshotSet === 'string')
  );
}

/** Writes the cache of a directory. Where that cannot be done there is none. */
export async function writeCache(
  disk: Disk,
  random: Random,
  directory: string,
  objects: CachedObjects,
): Promise<void> {
  const body = JSON.stringify([...objects]);
  const path = join(directory, CACHE_NAME);
  const draftPath = `${path}.${Buffer.from(random.bytes(6)).toString('hex')}`;
  try {
    const draft = await disk.open(draftPath, 'create');
    try {
      await draft.write([Buffer.from(`${checksumOf(body)}\n${body}`)], 0);
    } finally {
      await draft.close();
    }
    await disk.rename(draftPath, path);
  } catch (error) {
    if (errnoName(error) === undefined) throw error;
    log('no cache in %s: %o', directory, error);
    await unlinkIfThere(disk, draftPath).catch(() => undefined);
  }
}
