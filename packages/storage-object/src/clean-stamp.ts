import type { DiskFile } from '@lunbox/block';
import { stampOf } from './file-stamp.ts';
import { writeNextHeader, type CurrentHeader } from './twin-headers.ts';

const NS_PER_MS = 1_000_000n;

/**
 * Marks a container as closed in order, durably. The time of change is set to what the header says, because writing the
 * header changes it.
 *
 * @param sync - the last sync, after which nothing is missing.
 */
export async function writeCleanStamp(
  file: DiskFile,
  current: CurrentHeader,
  nowMs: number,
  sync: () => Promise<void> = () => file.sync(),
): Promise<CurrentHeader> {
  const stamp = { ...stampOf(await file.status()), modifiedAtNs: BigInt(nowMs) * NS_PER_MS };
  const next = await writeNextHeader(file, current, { openState: 'clean', stamp, updatedAtMs: nowMs });
  await file.setModifiedTime(nowMs);
  await sync();
  return next;
}
