import type { AccessEntry } from './access-entry.ts';

/**
 * Who an initiator is to units that are not for everybody: the CHAP user that an entry makes it prove, or else its own
 * iSCSI name, which it only claims. A user that is not called like an iSCSI node is so reserved for who has proven it.
 */
export function sessionUser({ chap }: AccessEntry, initiatorName: string): string {
  return chap?.user ?? initiatorName;
}
