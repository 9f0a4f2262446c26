import { errnoName, type Disk } from '@lunbox/block';
import { join } from 'node:path';
import { logsOf, type Chain } from './chain.ts';

/** A list that is being made. */
export const DRAFT_NAME = 'chain.new';

const LOG_SUFFIX = '.log';
const IMAGE_SUFFIX = '.img';
/** Of the file with the map of a log or an image. */
export const INDEX_SUFFIX = '.map';
const OUR_FILE = /\.(log|img|map)$/;

/** Where the file of a log is within the directory of its set. */
export function logPathIn(directory: string, id: string): string {
  return join(directory, id + LOG_SUFFIX);
}

/** Where the file of an image is within the directory of its set. */
export function imagePathIn(directory: string, id: string): string {
  return join(directory, id + IMAGE_SUFFIX);
}

/** Where the index of a log is. */
export function indexPathOf(logPath: string): string {
  return logPath.replace(/\.log$/, INDEX_SUFFIX);
}

/** Whether something has this name. */
export async function isThere(disk: Disk, path: string): Promise<boolean> {
  try {
    await disk.status(path);
    return true;
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Whether a file within the directory of a set is one that only its own program makes; the list itself is not. */
export function isOurFile(name: string): boolean {
  return OUR_FILE.test(name) || name === DRAFT_NAME;
}

/** Those of the names in a directory that its list does not account for, and that only its own program makes. */
export function strayNames(names: readonly string[], chain: Chain): string[] {
  const suffixes = [LOG_SUFFIX, IMAGE_SUFFIX, INDEX_SUFFIX];
  const named = new Set(logsOf(chain).flatMap((id) => suffixes.map((suffix) => id + suffix)));
  return names.filter((name) => isOurFile(name) && !named.has(name));
}
