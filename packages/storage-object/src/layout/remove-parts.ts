import { dirname } from 'node:path';
import { ContainerError } from '../container-error.ts';
import { letGo } from '../container-lock.ts';
import { ioError } from '../io-error.ts';
import type { Seams } from '../seams.ts';
import { partsOf, type LayoutNode } from './layout.ts';
import { partPath, reservePart, type Part, type PartOwner } from './part.ts';

/** A part that stays when its disk goes. */
export interface KeptPart {
  /** Where it lies. */
  readonly path: string;
  /** Why it stays, in words that go on from its path. */
  readonly reason: string;
  /** What is wrong with it, in one line; undefined when it is the part that belongs there. */
  readonly fault: string | undefined;
}

/** The parts of a disk that is to go: those that go with it, locked, and those that stay. */
export interface DoomedParts {
  readonly parts: readonly Part[];
  readonly kept: readonly KeptPart[];
  /** Paths of parts that are not there. */
  readonly missing: readonly string[];
}

/** Nothing goes, nothing stays. */
export const NO_PARTS: DoomedParts = { parts: [], kept: [], missing: [] };

/**
 * Locks the parts of a disk that say of themselves that they belong to it, and to nothing else; changes nothing.
 * Raw volumes are none of them: they are left as they are. Throws `CONTAINER_LOCKED` when somebody uses one, and what
 * else keeps one from being looked at; then none is locked.
 *
 * @param mayGo - tells a part that belongs to the disk, and is to stay all the same: why, in words.
 */
export async function reserveDoomed(
  layout: LayoutNode,
  owner: PartOwner,
  seams: Seams,
  mayGo: (part: Part) => string | undefined,
): Promise<DoomedParts> {
  const parts: Part[] = [];
  const kept: KeptPart[] = [];
  const missing: string[] = [];
  try {
    for (const leaf of partsOf(layout)) {
      const path = partPath(owner.path, leaf);
      if (leaf.kind === 'volume') {
        kept.push({ path, reason: 'is a raw volume, and is left as it is', fault: undefined });
        continue;
      }
      const found = await reservePart(leaf, owner, 'write', seams).catch((error: unknown) => refusal(error));
      if (found === 'missing') missing.push(path);
      else if ('fault' in found) kept.push({ path, reason: `stays: ${found.fault}`, fault: found.fault });
      else {
        const reason = mayGo(found);
        if (reason === undefined) parts.push(found);
        else {
          await letGo(found.file, found.lock);
          kept.push({ path, reason, fault: undefined });
        }
      }
    }
  } catch (error) {
    await releaseDoomed({ parts });
    throw error;
  }
  return { parts, kept, missing };
}

/** What is no part of the disk stays; what could not be looked at is thrown. */
function refusal(error: unknown): 'missing' | { fault: string } {
  if (!(error instanceof ContainerError)) throw error;
  const { code, data } = error;
  if (code === 'CONTAINER_PART_WRONG' || code === 'CONTAINER_PART_DAMAGED') return { fault: error.message };
  if (code === 'CONTAINER_PART_MISSING' && (data.cause as { code?: unknown } | undefined)?.code === 'ENOENT')
    return 'missing';
  throw error;
}

/** Deletes parts, durably; they stay locked. Throws `CONTAINER_IO`; some may be gone then. */
export async function removeDoomed({ parts }: Pick<DoomedParts, 'parts'>, { disk }: Seams): Promise<void> {
  for (const { path, status } of parts) {
    try {
      const named = await disk.status(path);
      if (named.inode !== status.inode || named.deviceId !== status.deviceId)
        throw new ContainerError('CONTAINER_IO', `${path} has become another file meanwhile`, { path });
      await disk.unlink(path);
    } catch (error) {
      throw ioError('delete', path, error);
    }
  }
  for (const directory of new Set(parts.map(({ path }) => dirname(path)))) {
    try {
      await disk.syncDirectory(directory);
    } catch (error) {
      throw ioError('sync', directory, error);
    }
  }
}

/** Lets go of all parts. Throws the first failure, when it has tried all. */
export async function releaseDoomed({ parts }: Pick<DoomedParts, 'parts'>): Promise<void> {
  const results = await Promise.allSettled(parts.map(({ file, lock }) => letGo(file, lock)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
