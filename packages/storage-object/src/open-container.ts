import { openFileDevice, type DiskFile, type FileDevice } from '@lunbox/block';
import { adopt, provisionalIdentity, type ForeignPolicy } from './adoption.ts';
import { ContainerError } from './container-error.ts';
import { lockContainer, type ContainerLock } from './container-lock.ts';
import { judgeContinuity, stampOf, type Continuity } from './file-stamp.ts';
import { KNOWN_AUTOCLEAR_FEATURES, type ContainerHeader } from './header.ts';
import { ioError } from './io-error.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from './seams.ts';
import {
  readCurrentHeader,
  readIdentityBlock,
  writeNextHeader,
  type CurrentHeader,
  type HeaderChange,
} from './twin-headers.ts';
import { UUID_BYTES } from './uuid.ts';

/** Options of {@link StorageObject.open}. */
export interface OpenOptions extends StorageObjectSeams {
  /** Refuses every change and leaves the file as it is. */
  readonly readOnly?: boolean;
  /** What to do with a copy; by default it gets a new identity. */
  readonly foreign?: ForeignPolicy;
}

/** A container that is open and locked. */
export interface OpenContainer {
  readonly path: string;
  readonly seams: Seams;
  readonly access: 'read' | 'write';
  /** For the headers; carries the byte locks. */
  readonly file: DiskFile;
  readonly lock: ContainerLock;
  readonly device: FileDevice;
  readonly current: CurrentHeader;
  readonly identity: Uint8Array;
  readonly continuity: Continuity;
}

type Undo = (() => Promise<void>)[];

/** Does what {@link StorageObject.open} promises; when it fails, everything is put back. */
export async function openContainer(path: string, options: OpenOptions): Promise<OpenContainer> {
  const undo: Undo = [];
  try {
    return await openSteps(path, options, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw ioError('open', path, error);
  }
}

async function openSteps(path: string, options: OpenOptions, undo: Undo): Promise<OpenContainer> {
  const seams = completeSeams(options);
  const access = options.readOnly === true ? 'read' : 'write';
  const policy = options.foreign ?? 'new-identity';
  const file = await seams.disk.open(path, access);
  undo.push(() => file.close());
  // Before the lock: nothing is put down beside a file that is none of ours.
  await readIdentityBlock(file);
  const nowMs = Math.floor(seams.clock.unixMs());
  const lock = await lockContainer({ ...seams, path, file, access, nowMs });
  undo.push(() => lock.release());
  const found = await readCurrentHeader(file);
  const status = await file.status();
  const continuity = judgeContinuity(found.header, status);
  if (continuity === 'foreign' && policy === 'refuse') throw foreignError(path);
  const device = await openDataArea(path, seams, found.header, access);
  undo.push(async () => device.close());
  const open = { path, seams, access, file, lock, device, continuity } as const;
  if (access === 'read') {
    const isCopy = continuity === 'foreign' && policy === 'new-identity';
    const identity = isCopy ? provisionalIdentity(found.header, status) : found.header.identity;
    return { ...open, current: found, identity };
  }
  const current = await writeNextHeader(file, found, {
    ...(await openedBy(seams)),
    ...adopt(found.header, continuity, policy, seams.random),
    stamp: stampOf(status),
    // What newer software derived from the content is out of date once we write (autoclear).
    features: {
      ...found.header.features,
      autoclear: found.header.features.autoclear & KNOWN_AUTOCLEAR_FEATURES,
    },
  });
  return { ...open, current, identity: current.header.identity };
}

/** The changes that mark a header as open by this process, from now on. */
async function openedBy(seams: Seams): Promise<HeaderChange> {
  const { host, bootId, pid } = await seams.processes.self();
  return {
    openState: 'open',
    opener: { host, bootId, pid },
    writeSession: seams.random.bytes(UUID_BYTES),
    updatedAtMs: Math.floor(seams.clock.unixMs()),
  };
}

/**
 * The data area has an open file of its own. The kernel reports a failed write-back once to each open file:
 * were the headers synced through the device's, they could swallow the error that a flush must answer with.
 */
async function openDataArea(
  path: string,
  seams: Seams,
  header: ContainerHeader,
  access: 'read' | 'write',
): Promise<FileDevice> {
  return await openFileDevice({
    disk: seams.disk,
    path,
    dataOffset: header.dataOffset,
    size: header.capacityBytes,
    blockSize: header.blockSize,
    readOnly: access === 'read',
  });
}

function foreignError(path: string): ContainerError {
  const message = `${path} is a copy of another container; say whether it gets a new identity`;
  return new ContainerError('CONTAINER_FOREIGN', message, { path });
}
