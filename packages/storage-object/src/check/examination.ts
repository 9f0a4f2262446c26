import { errnoName, type DiskFile, type FileStatus } from '@lunbox/block';
import { ContainerError } from '../container-error.ts';
import { HEADER_SLOT_BYTES, HEADER_SLOTS, IDENTITY_BLOCK_BYTES, type HeaderSlot } from '../format.ts';
import type { HeaderReading } from '../header.ts';
import { decodeIdentityBlock, hasContainerMagic, type IdentityBlock } from '../identity-block.ts';
import {
  dropHeaders,
  pickCurrent,
  readSlot,
  type CurrentHeader,
  type SlotReadings,
} from '../twin-headers.ts';
import { finding, type Finding } from './finding.ts';

/** How often damaged headers are read again: a server may be writing one just now. */
const READ_ATTEMPTS = 3;

/** The fixed parts of a container, as far as they can be read. */
export interface Examination {
  readonly status: FileStatus;
  /** Undefined when it is damaged. */
  readonly identityBlock: IdentityBlock | undefined;
  readonly slots: SlotReadings;
  /** The header in force; undefined when there is none that this version can go by. */
  readonly current: CurrentHeader | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Reads the first block and the headers, whatever state they are in. Throws `CONTAINER_NOT_LUNBOX` when neither they
 * nor their magic numbers are those of a container, and system errors other than those of a medium.
 */
export async function examine(file: DiskFile): Promise<Examination> {
  await dropHeaders(file);
  const block = await readFirstBlock(file);
  const identityBlock = decodeIdentityBlock(block);
  const slots = { A: await readSettled(file, 'A'), B: await readSettled(file, 'B') };
  const isContainer = hasContainerMagic(block) || Object.values(slots).some(({ kind }) => kind !== 'bad');
  if (!isContainer) {
    const { path } = file;
    throw new ContainerError('CONTAINER_NOT_LUNBOX', `${path} is not a Lunbox container`, { path });
  }
  const { current, findings } = judgeHeaders(slots, file.path);
  const ofBlock = identityBlock && hasContainerMagic(block) ? [] : [blockDamaged()];
  return { status: await file.status(), identityBlock, slots, current, findings: [...ofBlock, ...findings] };
}

async function readSettled(file: DiskFile, slot: HeaderSlot): Promise<HeaderReading> {
  let reading = await readSlotOrBad(file, slot);
  for (let attempt = 1; attempt < READ_ATTEMPTS && reading.kind === 'bad'; attempt++) {
    reading = await readSlotOrBad(file, slot);
  }
  return reading;
}

/** A medium that cannot read a header has lost it; that is a finding and no failure of the check. */
async function readSlotOrBad(file: DiskFile, slot: HeaderSlot): Promise<HeaderReading> {
  try {
    return await readSlot(file, slot);
  } catch (error) {
    if (errnoName(error) !== 'EIO') throw error;
    return { kind: 'bad', reason: 'it cannot be read' };
  }
}

async function readFirstBlock(file: DiskFile): Promise<Buffer> {
  const bytes = Buffer.alloc(IDENTITY_BLOCK_BYTES);
  try {
    await file.read([bytes], 0);
  } catch (error) {
    if (errnoName(error) !== 'EIO') throw error;
  }
  return bytes;
}

function judgeHeaders(
  slots: SlotReadings,
  path: string,
): { current: CurrentHeader | undefined; findings: Finding[] } {
  let current: CurrentHeader;
  try {
    current = pickCurrent(slots, path);
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    const newer = error.code === 'CONTAINER_UNSUPPORTED_FEATURE';
    const bothBad = slots.A.kind === 'bad' && slots.B.kind === 'bad';
    const code = newer ? 'NEWER_FORMAT' : bothBad ? 'HEADERS_DAMAGED' : 'HEADERS_CONTRADICT';
    return { current: undefined, findings: [finding(code, error.message)] };
  }
  const names = Object.keys(HEADER_SLOTS) as HeaderSlot[];
  return { current, findings: names.flatMap((slot) => slotDamaged(slot, slots[slot])) };
}

function slotDamaged(slot: HeaderSlot, reading: HeaderReading): Finding[] {
  if (reading.kind !== 'bad') return [];
  const place = { offset: HEADER_SLOTS[slot].offset, lengthBytes: HEADER_SLOT_BYTES };
  return [finding('HEADER_DAMAGED', `header ${slot} is damaged: ${reading.reason}`, place)];
}

function blockDamaged(): Finding {
  const place = { offset: 0, lengthBytes: IDENTITY_BLOCK_BYTES };
  return finding('IDENTITY_BLOCK_DAMAGED', 'the first block is damaged', place);
}
