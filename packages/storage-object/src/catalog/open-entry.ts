import type { FileStatus } from '@lunbox/block';
import { basename } from 'node:path';
import { finding, type Finding } from '../check/finding.ts';
import { checkParts } from '../check/parts.ts';
import type { ContainerInfo } from '../container-info.ts';
import { statusIfThere } from '../files.ts';
import type { ContainerHeader } from '../header.ts';
import { ioError } from '../io-error.ts';
import type { OpenContainer } from '../open-container.ts';
import { formatUuid } from '../uuid.ts';
import { fileOf, type CatalogObject } from './catalog.ts';
import { wishesOf } from './wishes.ts';

/** What an object that is open is in a catalog: as it is now, whatever its file says. Throws `CONTAINER_IO`. */
export async function openEntry(
  open: OpenContainer,
  header: ContainerHeader,
  info: ContainerInfo,
): Promise<CatalogObject> {
  const { file, seams, birthIdentity, device } = open;
  try {
    const status = await file.status();
    const named = await statusIfThere(seams.disk, file.path);
    const findings = [
      ...ofFault(device.faulted),
      ...ofName(status, named),
      ...ofCopy(info),
      ...(await checkParts(file.path, header, birthIdentity, seams)),
    ];
    return entryOf(info, formatUuid(open.identity), status, findings);
  } catch (error) {
    throw ioError('look at', file.path, error);
  }
}

/** @param identity - That which it goes by: a copy that is open for reading only has not stored it. */
function entryOf(
  info: ContainerInfo,
  identity: string,
  status: FileStatus,
  findings: readonly Finding[],
): CatalogObject {
  const { path, capacityBytes, blockSize, usedBytes, layout, continuity, holder, attributes } = info;
  const { lun, title, snapshotSet } = wishesOf(attributes);
  return {
    path,
    name: basename(path),
    identity,
    capacityBytes,
    blockSize,
    usedBytes,
    layout,
    lun,
    title,
    ...(snapshotSet === undefined ? {} : { snapshotSet }),
    continuity,
    open: true,
    holder,
    file: fileOf(status),
    findings,
  };
}

function ofFault(fault: Error | undefined): Finding[] {
  return fault === undefined ? [] : [finding('FAULTED', `it takes no change any more: ${fault.message}`)];
}

/** What is served and has lost its name is lost itself when it is let go of, unless it has another one. */
function ofName(status: FileStatus, named: FileStatus | undefined): Finding[] {
  if (named === undefined) {
    const message =
      'its file has been moved or deleted while it is open; copy it over iSCSI before the server stops';
    return [finding('FILE_GONE', message)];
  }
  if (fileOf(named) === fileOf(status)) return [];
  const message = 'another file has its name now; copy it over iSCSI before the server stops';
  return [finding('FILE_REPLACED', message)];
}

function ofCopy({ continuity, origin }: ContainerInfo): Finding[] {
  if (continuity === 'modified') return [finding('MODIFIED', 'another program had written to it')];
  if (continuity !== 'foreign') return [];
  return [finding('FOREIGN', `it came as a copy${origin === undefined ? '' : ` of the disk ${origin}`}`)];
}
