import type { DiskFile } from '@lunbox/block';
import type { Attributes } from './attributes.ts';
import { stampOf } from './file-stamp.ts';
import { HEADER_BYTES, HEADER_SLOTS } from './format.ts';
import { encodeHeader, type ContainerHeader, type Region } from './header.ts';
import { encodeIdentityBlock } from './identity-block.ts';
import type { Seams } from './seams.ts';
import { NIL_UUID, UUID_BYTES } from './uuid.ts';

/** What a new file is to be like. */
export interface NewContainerFile {
  readonly role: number;
  /** Incompatible feature bits. */
  readonly incompatible: number;
  readonly identity: Uint8Array;
  /** Identity of the object that it is a copy of; nobody's copy without this. */
  readonly origin?: Uint8Array | undefined;
  /** The session in which it has been written; none of a file that nobody has used. */
  readonly writeSession: Uint8Array;
  readonly capacityBytes: number;
  readonly dataOffset: number;
  /** Length of the file; undefined for a volume, which has the one that it has. */
  readonly endBytes: number | undefined;
  readonly blockSize: number;
  readonly regions: readonly Region[];
  readonly attributes: Attributes;
}

/**
 * Writes the identity block and both headers, and syncs them.
 *
 * @param complete - Writes what else belongs into the file, before it is synced.
 */
export async function writeNewContainer(
  file: DiskFile,
  wanted: NewContainerFile,
  seams: Seams,
  complete: (header: ContainerHeader) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { clock, random, processes } = seams;
  const { identity, endBytes, attributes, incompatible } = wanted;
  const nowMs = Math.floor(clock.unixMs());
  if (endBytes !== undefined) await file.truncate(endBytes);
  await file.write([encodeIdentityBlock({ birthIdentity: identity, birthMs: nowMs })], 0);
  const { host, bootId, pid } = await processes.self();
  const header: ContainerHeader = {
    sequence: 1,
    features: { incompatible, compatible: 0, autoclear: 0 },
    role: wanted.role,
    identity,
    origin: wanted.origin ?? NIL_UUID,
    generation: random.bytes(UUID_BYTES),
    writeSession: wanted.writeSession,
    capacityBytes: wanted.capacityBytes,
    dataOffset: wanted.dataOffset,
    blockSize: wanted.blockSize,
    openState: 'clean',
    stamp: { ...stampOf(await file.status()), modifiedAtNs: BigInt(nowMs) * 1_000_000n },
    updatedAtMs: nowMs,
    opener: { host, bootId, pid },
    regions: wanted.regions,
    attributes: { ...attributes, createdAt: new Date(nowMs).toISOString() },
    raw: new Uint8Array(HEADER_BYTES),
  };
  await file.write([encodeHeader(header, 'A')], HEADER_SLOTS.A.offset);
  await file.write([encodeHeader({ ...header, sequence: 2 }, 'B')], HEADER_SLOTS.B.offset);
  await complete(header);
  await file.sync();
  if (endBytes === undefined) return;
  await file.setModifiedTime(nowMs);
  await file.sync();
}
