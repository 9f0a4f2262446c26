import type { Disk, DiskFile } from '@lunbox/block';
import type { Attributes } from './attributes.ts';
import type { ContainerHolder } from './container-error.ts';
import { judgeContinuity, type Continuity } from './file-stamp.ts';
import { ROLE_PART } from './header.ts';
import { ioError } from './io-error.ts';
import { describeLayout, lookAtParts, type LayoutStatus } from './layout/layout-status.ts';
import type { LayoutNode } from './layout/layout.ts';
import { membershipOf } from './layout/part.ts';
import { lockPathOf, readLockOwner } from './lock-file.ts';
import { protectionPlace, type ProtectionPlace } from './protection-region.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from './seams.ts';
import { isCombined, readCurrentHeader, readIdentityBlock, type CurrentHeader } from './twin-headers.ts';
import { formatUuid, NIL_UUID, sameUuid } from './uuid.ts';

/** What can be told about a container from its file alone. */
export interface ContainerInfo {
  readonly path: string;
  readonly formatVersion: number;
  /** In UUID form. */
  readonly identity: string;
  /** Identity of the object that this one is a copy of, in UUID form; undefined when it is nobody's copy. */
  readonly origin: string | undefined;
  /** Changes when the content may have changed behind Lunbox's back; in UUID form. */
  readonly generation: string;
  readonly capacityBytes: number;
  /** Space that the whole file takes, as the file system says. */
  readonly usedBytes: number;
  /** Capacity that has not been taken from the file system yet. */
  readonly freeBytes: number;
  readonly blockSize: number;
  /** Where the disk starts within the file. */
  readonly dataOffset: number;
  /** Where protection information of the blocks lies within the file; undefined where there is none. */
  readonly protection: ProtectionPlace | undefined;
  /** The identity that the object was born with, in UUID form. */
  readonly birthIdentity: string;
  /** How the file compares with what its header remembers; while it is served, this is `unclean`. */
  readonly continuity: Continuity;
  /** The process that has it open, when a lock file names one. */
  readonly holder: ContainerHolder | undefined;
  /** The disk that this file is a part of, in UUID form; undefined when it stands for itself. */
  readonly partOf: string | undefined;
  /** The parts that the disk is made of; undefined when it is in this file. */
  readonly layout: LayoutStatus | undefined;
  readonly headerSequence: number;
  /** When the header was last written, milliseconds since 1970. */
  readonly updatedAtMs: number;
  readonly attributes: Attributes;
}

/**
 * Describes a container without opening it: takes no lock, writes nothing, and works while it is served.
 * Throws `CONTAINER_NOT_FOUND`, `CONTAINER_NOT_LUNBOX`, `CONTAINER_CORRUPT`, `CONTAINER_UNSUPPORTED_FEATURE`
 * or `CONTAINER_IO`.
 */
export async function readContainerInfo(
  path: string,
  seams: StorageObjectSeams = {},
): Promise<ContainerInfo> {
  const complete = completeSeams(seams);
  const { disk } = complete;
  let file: DiskFile | undefined;
  try {
    file = await disk.open(path, 'read');
    const { birthIdentity } = await readIdentityBlock(file);
    const current = await readCurrentHeader(file);
    const info = await describeContainer(disk, file, birthIdentity, current);
    return isCombined(current.header) ? await withParts(info, birthIdentity, current, complete) : info;
  } catch (error) {
    throw ioError('open', path, error);
  } finally {
    await file?.close();
  }
}

/** Looks at the parts of a disk, too, whose space is that of the disk. */
async function withParts(
  info: ContainerInfo,
  birthIdentity: Uint8Array,
  { header }: CurrentHeader,
  seams: Seams,
): Promise<ContainerInfo> {
  const layout = header.attributes.layout as LayoutNode;
  const owner = {
    path: info.path,
    birthIdentity: formatUuid(birthIdentity),
    session: header.writeSession,
    blockSize: header.blockSize,
  };
  const findings = await lookAtParts(layout, owner, seams);
  const partBytes = [...findings.values()].reduce((sum, { usedBytes = 0 }) => sum + usedBytes, 0);
  const usedBytes = info.usedBytes + partBytes;
  const freeBytes = Math.max(0, info.capacityBytes - usedBytes);
  return { ...info, usedBytes, freeBytes, layout: describeLayout(layout, new Map(), findings) };
}

/** Puts together what {@link readContainerInfo} answers of the file itself. */
export async function describeContainer(
  disk: Disk,
  file: DiskFile,
  birthIdentity: Uint8Array,
  current: CurrentHeader,
): Promise<ContainerInfo> {
  const { header } = current;
  const status = await file.status();
  const owner = await readLockOwner(disk, lockPathOf(file.path));
  const isHeld = owner !== undefined && owner.inode === String(status.inode);
  return {
    path: file.path,
    formatVersion: 1,
    identity: formatUuid(header.identity),
    origin: sameUuid(header.origin, NIL_UUID) ? undefined : formatUuid(header.origin),
    generation: formatUuid(header.generation),
    capacityBytes: header.capacityBytes,
    usedBytes: status.allocatedBytes,
    freeBytes: Math.max(0, header.capacityBytes - status.allocatedBytes),
    blockSize: header.blockSize,
    dataOffset: header.dataOffset,
    protection: protectionPlace(header),
    birthIdentity: formatUuid(birthIdentity),
    continuity: judgeContinuity(header, status),
    holder: isHeld ? { host: owner.host, pid: owner.pid, openedAtMs: owner.openedAtMs } : undefined,
    partOf: header.role === ROLE_PART ? membershipOf(current).of : undefined,
    layout: undefined,
    headerSequence: header.sequence,
    updatedAtMs: header.updatedAtMs,
    attributes: header.attributes,
  };
}
