import { errnoName, type DiskFile } from '@lunbox/block';
import { dirname } from 'node:path';
import { letGo, lockContainer, type ContainerLock } from '../container-lock.ts';
import { judgeContinuity, stampOf } from '../file-stamp.ts';
import { unlinkIfThere } from '../files.ts';
import { HEADER_SLOT_BYTES, HEADER_SLOTS } from '../format.ts';
import type { ContainerHeader } from '../header.ts';
import { encodeIdentityBlock } from '../identity-block.ts';
import { ioError } from '../io-error.ts';
import { protectionPlace } from '../protection-region.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from '../seams.ts';
import {
  endOfFile,
  findGeometryFault,
  isCombined,
  missingBytes,
  writeNextHeader,
  type CurrentHeader,
} from '../twin-headers.ts';
import { NIL_UUID, sameUuid } from '../uuid.ts';
import { checkContainer, type CheckReport } from './check-container.ts';
import { examine, type Examination } from './examination.ts';
import type { FindingCode } from './finding.ts';

/** Something that a repair does, or would do. */
export interface RepairStep {
  /** The finding that it mends. */
  readonly mends: FindingCode;
  /** One line for people. */
  readonly action: string;
}

/** What a repair has done, or would do. */
export interface RepairReport {
  readonly path: string;
  readonly steps: readonly RepairStep[];
  readonly applied: boolean;
  /** Where the bytes are that the repair has written over; undefined when it has written none. */
  readonly savedPath: string | undefined;
  /** The container as it is now. */
  readonly check: CheckReport;
}

/** Options of {@link repairContainer}. */
export interface RepairOptions extends StorageObjectSeams {
  /** Does what it finds to do; without this it only says so. */
  readonly apply?: boolean;
  /** Makes a file long enough again that was cut short: what it lacks reads as zeroes from then on. */
  readonly extend?: boolean;
}

/** What is written over lies in front of this. */
const FIXED_PART_BYTES = HEADER_SLOTS.B.offset + HEADER_SLOT_BYTES;
const NS_PER_MS = 1_000_000n;

/**
 * Mends what a check has found, as far as what is whole tells how: a damaged header from its twin, the first block from
 * the header. It never writes over the header in force, and first saves what it writes over beside the container.
 * Nobody else may have it open. Throws as {@link checkContainer} does, and `CONTAINER_LOCKED`.
 */
export async function repairContainer(path: string, options: RepairOptions = {}): Promise<RepairReport> {
  const seams = completeSeams(options);
  try {
    const outcome = await (options.apply === true ? apply : plan)(path, options, seams);
    return { path, ...outcome, check: await checkContainer(path, seams) };
  } catch (error) {
    throw ioError('repair', path, error);
  }
}

type Outcome = Pick<RepairReport, 'steps' | 'applied' | 'savedPath'>;

const nothingDone = (steps: readonly RepairStep[]): Outcome => ({
  steps,
  applied: false,
  savedPath: undefined,
});

async function plan(path: string, options: RepairOptions, { disk }: Seams): Promise<Outcome> {
  const file = await disk.open(path, 'read');
  try {
    return nothingDone(stepsOf(await examine(file), options));
  } finally {
    await file.close();
  }
}

async function apply(path: string, options: RepairOptions, seams: Seams): Promise<Outcome> {
  const file = await seams.disk.open(path, 'write');
  let lock: ContainerLock | undefined;
  try {
    const nowMs = Math.floor(seams.clock.unixMs());
    lock = await lockContainer({ ...seams, path, file, access: 'write', nowMs });
    const examination = await examine(file);
    const steps = stepsOf(examination, options);
    const { current } = examination;
    if (steps.length === 0 || current === undefined) return nothingDone(steps);
    const savedPath = await saveFixedPart(file, seams);
    await mend(file, { ...examination, current }, new Set(steps.map(({ mends }) => mends)), nowMs);
    return { steps, applied: true, savedPath };
  } finally {
    await letGo(file, lock);
  }
}

/** What can be done. Without a header in force nothing can: whatever were written would be a guess. */
function stepsOf({ findings, current, status }: Examination, { extend }: RepairOptions): RepairStep[] {
  if (current === undefined || findGeometryFault(current.header) !== undefined) return [];
  const { header } = current;
  const steps: RepairStep[] = [];
  for (const { code, message } of findings) {
    if (code === 'HEADER_DAMAGED')
      steps.push({ mends: code, action: `${message}: write it anew from its twin` });
    if (code === 'IDENTITY_BLOCK_DAMAGED' && birthIdentityOf(header) !== undefined)
      steps.push({ mends: code, action: `${message}: write it anew from the header` });
  }
  const missing = missingBytes(header, status.sizeBytes);
  if (extend === true && missing > 0) {
    steps.push({ mends: 'FILE_SHORT', action: `add ${missing} bytes of zeroes at the end of the file` });
  }
  return steps;
}

/**
 * The identity that an object was born with. That of a copy was its original's, unless that one was a copy too; then
 * only its protection information, or its parts, would notice, so with those there is nothing to go by.
 */
function birthIdentityOf(header: ContainerHeader): Uint8Array | undefined {
  if (sameUuid(header.origin, NIL_UUID)) return header.identity;
  return protectionPlace(header) === undefined && !isCombined(header) ? header.origin : undefined;
}

/** Keeps what the repair writes over, in a file beside the container. */
async function saveFixedPart(file: DiskFile, { disk, random }: Seams): Promise<string> {
  const savedPath = `${file.path}.before-repair-${Buffer.from(random.bytes(4)).toString('hex')}`;
  const bytes = Buffer.alloc(FIXED_PART_BYTES);
  const lengthBytes = await readPieces(file, bytes);
  const saved = await disk.open(savedPath, 'create');
  try {
    await saved.write([bytes.subarray(0, lengthBytes)], 0);
    await saved.sync();
    await disk.syncDirectory(dirname(savedPath));
  } catch (error) {
    await unlinkIfThere(disk, savedPath);
    throw error;
  } finally {
    await saved.close();
  }
  return savedPath;
}

const PIECE_BYTES = 4096;

/** Reads from the start of the file what the medium gives back; the rest stays zero. Answers where the file ends. */
async function readPieces(file: DiskFile, into: Buffer): Promise<number> {
  for (let offset = 0; offset < into.length; offset += PIECE_BYTES) {
    try {
      await file.read([into.subarray(offset, offset + PIECE_BYTES)], offset);
    } catch (error) {
      if (errnoName(error) !== 'EIO') throw error;
    }
  }
  return Math.min(into.length, (await file.status()).sizeBytes);
}

async function mend(
  file: DiskFile,
  examination: Examination & { readonly current: CurrentHeader },
  mends: ReadonlySet<FindingCode>,
  nowMs: number,
): Promise<void> {
  const { current, status } = examination;
  const { header } = current;
  const wasClean = judgeContinuity(header, status) === 'clean';
  if (mends.has('FILE_SHORT')) await file.truncate(endOfFile(header));
  if (mends.has('IDENTITY_BLOCK_DAMAGED')) {
    const birthIdentity = birthIdentityOf(header) as Uint8Array;
    await file.write([encodeIdentityBlock({ birthIdentity, birthMs: birthMsOf(header) })], 0);
    await file.sync();
  }
  // The one that is not in force is written, which is the damaged one if there is one.
  const modifiedAtNs = BigInt(nowMs) * NS_PER_MS;
  const stamp = wasClean ? { ...stampOf(await file.status()), modifiedAtNs } : header.stamp;
  await writeNextHeader(file, current, { stamp, updatedAtMs: nowMs });
  // A repair is no other program's doing: what was closed in order still is.
  if (wasClean) await file.setModifiedTime(nowMs);
  await file.sync();
}

function birthMsOf({ attributes, updatedAtMs }: ContainerHeader): number {
  const createdMs = Date.parse(String(attributes.createdAt));
  return Number.isSafeInteger(createdMs) && createdMs >= 0 ? createdMs : updatedAtMs;
}
