import { errnoName, type Disk } from '@lunbox/block';
import { finding, formatUuid, type Finding } from '@lunbox/storage-object';
import { basename } from 'node:path';
import type { Chain, ChainEntry, ImageRef } from './chain.ts';
import { GrainMap } from './grain-map.ts';
import { ImageArea } from './image-area.ts';
import { readIndex, type IndexedEnd } from './map-index.ts';
import { SaveLog } from './save-log.ts';
import { SnapshotError } from './snapshot-error.ts';
import { imagePathIn, indexPathOf, isThere, logPathIn, strayNames } from './snapshot-files.ts';

/** What is wrong with the logs and images that a list names, and what else lies beside them. Changes nothing. */
export async function checkAreas(disk: Disk, directory: string, chain: Chain): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const entry of chain.snapshots)
    for (const id of entry.logs) {
      const ref = entry.images?.find((image) => image.id === id);
      const path = ref === undefined ? logPathIn(directory, id) : imagePathIn(directory, id);
      const found = await asFindings(entry.name, path, () =>
        ref === undefined ? checkLog(disk, path, id, chain) : checkImage(disk, path, ref, entry, chain),
      );
      findings.push(...found);
    }
  if (chain.restore !== undefined) {
    const { log } = chain.restore;
    const path = logPathIn(directory, log);
    findings.push(...(await asFindings('the restore', path, () => checkLog(disk, path, log, chain))));
  }
  const stray = strayNames(await disk.readdir(directory), chain);
  if (stray.length > 0) {
    const files = `${stray.length} files of snapshots that are gone, such as ${stray[0]}`;
    const message = `${files}; the next start removes them`;
    findings.push(finding('SNAPSHOT_LEFTOVER', message));
  }
  return findings;
}

/** What is missing, damaged or cannot be read is a finding. */
async function asFindings(name: string, path: string, check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof SnapshotError) && errnoName(error) === undefined) throw error;
    const reason = errnoName(error) === 'ENOENT' ? `${path} is not there` : (error as Error).message;
    return [finding('SNAPSHOT_DAMAGED', `${name} and older ones: ${reason}`)];
  }
}

async function checkLog(disk: Disk, path: string, id: string, { grainBytes }: Chain): Promise<Finding[]> {
  const log = await SaveLog.open(disk, path, 'read');
  try {
    const { identity } = log;
    if (formatUuid(identity.log) !== id || identity.grainBytes !== grainBytes)
      throw new SnapshotError('SNAPSHOT_CORRUPT', `${path} is another log than it should be`, { path });
    let badCount = 0;
    await log.scan(({ records }) => {
      for (const record of records) if (record.kind === 'bad') badCount += record.grainCount;
    });
    const findings: Finding[] = [];
    if (badCount > 0)
      findings.push(
        finding('SNAPSHOT_DAMAGED', `${path}: ${badCount * grainBytes} bytes were lost by the medium`),
      );
    return [...findings, ...(await checkIndex(disk, indexPathOf(path), identity.log, log.end))];
  } finally {
    await log.close();
  }
}

/** An index that promises more than the log has is believed when the disk is opened, and then it is not. */
async function checkIndex(disk: Disk, path: string, log: Uint8Array, end: IndexedEnd): Promise<Finding[]> {
  if (!(await isThere(disk, path))) return [];
  const indexed = await readIndex(disk, path, new GrainMap(), log, () => 0);
  if (indexed === undefined)
    return [
      finding('SNAPSHOT_INDEX_DAMAGED', `${basename(path)} is not whole; the next start goes without it`),
    ];
  if (indexed.endOffset <= end.endOffset) return [];
  throw new SnapshotError('SNAPSHOT_CORRUPT', `${path} tells of more than the log has`, { path });
}

async function checkImage(
  disk: Disk,
  path: string,
  ref: ImageRef,
  entry: ChainEntry,
  { grainBytes }: Chain,
): Promise<Finding[]> {
  const image = await ImageArea.open({ disk, path, ref, grainBytes }, 'read', entry.suspect === undefined);
  await image.close();
  if (!image.isCleared || entry.bookmark !== undefined || entry.images?.[0] !== ref) return [];
  throw new SnapshotError('SNAPSHOT_CORRUPT', `${path} is empty`, { path });
}
