import type { Disk } from '@lunbox/block';
import type { SnapshotInfo } from '../snapshot-info.ts';
import { SnapshotError } from '../snapshot-error.ts';

/** What is told of a published snapshot, in a file of JSON beside it. It is written last: what has none is no whole. */
export interface SnapshotManifest {
  readonly format: 'lunbox-snapshot';
  readonly version: 1;
  readonly snapshot: Pick<SnapshotInfo, 'id' | 'name' | 'level' | 'labels'> & { readonly createdAt: string };
  /** Identity that the object was born with whose snapshot it is, in UUID form. */
  readonly object: string;
  readonly container: {
    /** Name of the file, in the directory of the manifest. */
    readonly file: string;
    /** Its own: the copy is another disk than the object. */
    readonly identity: string;
    readonly sizeBytes: number;
    readonly blockSize: number;
    /** Where the disk begins in the file. */
    readonly dataOffset: number;
  };
  /** Of the bytes of the disk, and of the whole file; hexadecimal. */
  readonly sha256: { readonly disk: string; readonly file: string };
  readonly publishedAt: string;
}

const LIMIT_BYTES = 1 << 20;

/** Reads a manifest. Throws `SNAPSHOT_BAD_MANIFEST`, or the error of the system. */
export async function readManifest(path: string, disk: Disk): Promise<SnapshotManifest> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = Buffer.alloc(LIMIT_BYTES);
    const length = await file.read([bytes], 0);
    return parse(path, bytes.toString('utf8', 0, length));
  } finally {
    await file.close();
  }
}

function parse(path: string, text: string): SnapshotManifest {
  let value: Partial<SnapshotManifest> | null = null;
  try {
    value = JSON.parse(text) as Partial<SnapshotManifest> | null;
  } catch {
    // It is told below.
  }
  const isSound =
    value?.format === 'lunbox-snapshot' &&
    value.version === 1 &&
    typeof value.snapshot?.id === 'string' &&
    /^[0-9a-f]{64}$/.test(String(value.sha256?.disk));
  if (isSound) return value as SnapshotManifest;
  throw new SnapshotError('SNAPSHOT_BAD_MANIFEST', `${path} is no manifest of a published snapshot`, {
    path,
  });
}
