import { errnoName, type DiskFile } from '@lunbox/block';
import { ContainerError } from '../container-error.ts';
import { judgeContinuity } from '../file-stamp.ts';
import { lookAtPart, partPath, type KnownPart, type PartOwner } from '../layout/part.ts';
import { partsOf, type LayoutNode } from '../layout/layout.ts';
import { releaseDoomed, removeDoomed, reserveDoomed } from '../layout/remove-parts.ts';
import type { Seams } from '../seams.ts';
import { isCombined, readCurrentHeader, readIdentityBlock } from '../twin-headers.ts';
import { formatUuid } from '../uuid.ts';

/** A file that was made as a part of a disk that has not got its name. */
export interface DraftPart {
  readonly path: string;
  readonly usedBytes: number;
}

/**
 * Parts that whoever was making a disk has made for it, by the layout in its draft. None of them is of use to any other
 * disk: each says of itself that it belongs to this one, and was used by nobody since.
 */
export async function partsOfDraft(draftPath: string, seams: Seams): Promise<DraftPart[]> {
  // One that cannot be read is told of all the same.
  const head = await readHead(draftPath, seams).catch((error: unknown) => {
    if (errnoName(error) === undefined || errnoName(error) === 'ENOENT') throw error;
    return undefined;
  });
  if (head === undefined) return [];
  const found: DraftPart[] = [];
  for (const leaf of partsOf(head.layout)) {
    if (leaf.kind === 'volume') continue;
    const part = await lookAtPart(leaf, head.owner, seams).catch((error: unknown) => {
      if (error instanceof ContainerError) return undefined;
      throw error;
    });
    if (part !== undefined && whyItStays(part) === undefined)
      found.push({ path: partPath(draftPath, leaf), usedBytes: part.status.allocatedBytes });
  }
  return found;
}

/** Deletes these parts, durably. Throws a `ContainerError`, also when somebody uses one. */
export async function removePartsOfDraft(draftPath: string, seams: Seams): Promise<void> {
  const head = await readHead(draftPath, seams);
  if (head === undefined) return;
  const doomed = await reserveDoomed(head.layout, head.owner, seams, whyItStays);
  try {
    await removeDoomed(doomed, seams);
  } finally {
    await releaseDoomed(doomed);
  }
}

function whyItStays({ trust, continuity }: KnownPart): string | undefined {
  // Whoever was killed while filling it has left it modified.
  return trust !== 'old' && continuity !== 'foreign' ? undefined : 'stays: it has been used since';
}

/** Undefined for what is no disk of several parts, has not become one, or may be one under another name. */
async function readHead(
  path: string,
  { disk }: Seams,
): Promise<{ owner: PartOwner; layout: LayoutNode } | undefined> {
  let file: DiskFile | undefined;
  try {
    file = await disk.open(path, 'read');
    const { birthIdentity } = await readIdentityBlock(file);
    const { header } = await readCurrentHeader(file);
    const status = await file.status();
    const isOther = status.linkCount > 1 || judgeContinuity(header, status) === 'foreign';
    if (!isCombined(header) || isOther) return undefined;
    const { writeSession: session, blockSize } = header;
    const owner = { path, birthIdentity: formatUuid(birthIdentity), session, blockSize };
    return { owner, layout: header.attributes.layout as LayoutNode };
  } catch (error) {
    if (error instanceof ContainerError) return undefined;
    throw error;
  } finally {
    await file?.close();
  }
}
