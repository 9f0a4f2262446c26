import type { DiskFile, FileStatus } from '@lunbox/block';
import { findAttributesFault } from '../attributes.ts';
import { judgeContinuity, type Continuity } from '../file-stamp.ts';
import { RegionType } from '../format.ts';
import type { ContainerHeader } from '../header.ts';
import { ioError } from '../io-error.ts';
import { lockPathOf, ownerOf, readLockFile, type LockOwner } from '../lock-file.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from '../seams.ts';
import { endOfFile, findGeometryFault, isCombined, missingBytes } from '../twin-headers.ts';
import { formatUuid } from '../uuid.ts';
import { examine, type Examination } from './examination.ts';
import { finding, worstOf, type Finding, type Severity } from './finding.ts';
import { isWritten, scanData, type ScanProgress } from './data-scan.ts';
import { checkParts } from './parts.ts';

/** What a check has found in one container. */
export interface CheckReport {
  readonly path: string;
  /** In UUID form; undefined when no header tells it. */
  readonly identity: string | undefined;
  /** The worst of the findings; `note` when there are none. */
  readonly verdict: Severity;
  readonly findings: readonly Finding[];
}

/** Options of {@link checkContainer}. */
export interface CheckOptions extends StorageObjectSeams {
  /** Reads every block that takes space, to find those that the medium has lost. */
  readonly readData?: boolean;
  /** Hears how far the reading of the data has come. */
  readonly onProgress?: (progress: ScanProgress) => void;
}

/**
 * Looks for whatever is wrong with a container: takes no lock, changes nothing, and may be used while it is served
 * (it then says so). Throws `CONTAINER_NOT_FOUND`, `CONTAINER_NOT_LUNBOX` or `CONTAINER_IO`; damage is no error but a
 * finding.
 */
export async function checkContainer(path: string, options: CheckOptions = {}): Promise<CheckReport> {
  const seams = completeSeams(options);
  let file: DiskFile | undefined;
  try {
    file = await seams.disk.open(path, 'read');
    const examination = await examine(file);
    const findings = [...examination.findings, ...(await ofUse(seams, path, examination))];
    const header = examination.current?.header;
    if (header !== undefined)
      findings.push(...ofHeader(header, examination.status), ...(await ofRegions(file, header)));
    if (header !== undefined)
      findings.push(...(await checkParts(path, header, examination.identityBlock?.birthIdentity, seams)));
    if (header !== undefined && options.readData === true && !isCombined(header))
      findings.push(...(await scanData(file, header, options.onProgress)));
    const identity = header && formatUuid(header.identity);
    return { path, identity, verdict: worstOf(findings), findings };
  } catch (error) {
    throw ioError('check', path, error);
  } finally {
    await file?.close();
  }
}

/** What is wrong with the parts that a disk is made of. Throws as {@link checkContainer} does. */
export async function checkPartsOf(path: string, seams: Seams): Promise<Finding[]> {
  let file: DiskFile | undefined;
  try {
    file = await seams.disk.open(path, 'read');
    const { current, identityBlock } = await examine(file);
    return current ? await checkParts(path, current.header, identityBlock?.birthIdentity, seams) : [];
  } catch (error) {
    throw ioError('check', path, error);
  } finally {
    await file?.close();
  }
}

function ofHeader(header: ContainerHeader, status: FileStatus): Finding[] {
  const geometry = findGeometryFault(header);
  if (geometry !== undefined) return [finding('GEOMETRY_INVALID', geometry)];
  const findings: Finding[] = [];
  const endBytes = endOfFile(header);
  const missing = missingBytes(header, status.sizeBytes);
  const place = { offset: status.sizeBytes, lengthBytes: missing };
  if (missing > 0) findings.push(finding('FILE_SHORT', `the file is cut short by ${missing} bytes`, place));
  const surplus = status.sizeBytes - endBytes;
  if (surplus > 0) {
    const message = `${surplus} bytes behind the disk: its size was being changed when the power or its server went`;
    findings.push(finding('FILE_LONG', message, { offset: endBytes, lengthBytes: surplus }));
  }
  const fault = findAttributesFault(header.attributes, header.blockSize);
  if (fault !== undefined) findings.push(finding('ATTRIBUTES_INVALID', fault.reason));
  return findings;
}

/** Room that this version keeps free. */
const FREE_REGIONS: ReadonlyMap<number, string> = new Map([
  [RegionType.ACTIVITY_LOG, 'the activity log'],
  [RegionType.MAPS, 'the grain maps'],
]);

async function ofRegions(file: DiskFile, { regions }: ContainerHeader): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { type, offset, lengthBytes } of regions) {
    const name = FREE_REGIONS.get(type);
    if (name === undefined || !(await isWritten(file, offset, lengthBytes))) continue;
    const message = `the room for ${name} is in use, though this version never writes there`;
    findings.push(finding('RESERVED_WRITTEN', message, { offset, lengthBytes }));
  }
  return findings;
}

async function ofUse(seams: Seams, path: string, { current, status }: Examination): Promise<Finding[]> {
  const lockPath = lockPathOf(path);
  const reading = await readLockFile(seams.disk, lockPath);
  const owner = ownerOf(reading);
  if (reading === 'damaged') {
    const message = `its lock file is damaged; when it is certainly not served, delete ${lockPath}`;
    const damaged = finding('LOCK_DAMAGED', message);
    return [damaged, ...ofContinuity(current && judgeContinuity(current.header, status))];
  }
  if (owner?.inode === String(status.inode)) {
    if (await mayRun(owner, seams)) {
      const who = `process ${owner.pid} on ${owner.host}`;
      return [finding('IN_USE', `${who} has it open: what was found may have changed since`)];
    }
    const stale = finding('LOCK_STALE', `its lock file is that of process ${owner.pid}, which has ended`);
    return [stale, ...ofContinuity(current && judgeContinuity(current.header, status))];
  }
  return ofContinuity(current && judgeContinuity(current.header, status));
}

/** Whoever runs on another machine, or in another namespace, may be there for all that is known here. */
async function mayRun(owner: LockOwner, { processes }: Seams): Promise<boolean> {
  const self = await processes.self();
  if (owner.host !== self.host || owner.pidNamespace !== self.pidNamespace) return true;
  return owner.bootId === self.bootId && (await processes.isRunning(owner));
}

/** What is to be told of an object that came back in this way. */
export function ofContinuity(continuity: Continuity | undefined): Finding[] {
  switch (continuity) {
    case 'unclean':
      return [finding('UNCLEAN', 'it was not closed in order; what was flushed is there')];
    case 'modified':
      return [finding('MODIFIED', 'another program has written to it since it was closed')];
    case 'foreign':
      return [
        finding('FOREIGN', 'it is a copy; it gets an identity of its own when it is served for writing'),
      ];
    default:
      return [];
  }
}

/**
 * Finds disks that share an identity: a multipath driver would take them for one. Copies that get an identity of their
 * own when they are opened do not count.
 */
export function findSharedIdentities(reports: readonly CheckReport[]): CheckReport[] {
  const holders = new Map<string, CheckReport[]>();
  for (const report of reports) {
    const isCopy = report.findings.some(({ code }) => code === 'FOREIGN');
    if (report.identity === undefined || isCopy) continue;
    holders.set(report.identity, [...(holders.get(report.identity) ?? []), report]);
  }
  return reports.map((report) => {
    const others = (holders.get(report.identity ?? '') ?? []).filter((other) => other !== report);
    if (others.length === 0 || !holders.get(report.identity ?? '')?.includes(report)) return report;
    const names = others.map(({ path }) => path).join(', ');
    const findings = [...report.findings, finding('IDENTITY_SHARED', `it has the same identity as ${names}`)];
    return { ...report, findings, verdict: worstOf(findings) };
  });
}
