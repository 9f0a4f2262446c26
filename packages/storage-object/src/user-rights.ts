import type { SpaceAllowance, SpaceLedger } from '@lunbox/block';

/** One of the permissions of a user. */
export type Permission = 'read' | 'snapshot' | 'replicate' | 'write' | 'admin';

/** What each permission lets a user do; whoever is in the list sees the object and reads it. */
const PERMITS: Readonly<Record<Permission, ObjectRights>> = {
  read: { writes: false, snapshots: false, replicates: false, administers: false },
  snapshot: { writes: false, snapshots: true, replicates: false, administers: false },
  replicate: { writes: false, snapshots: true, replicates: true, administers: false },
  write: { writes: true, snapshots: false, replicates: false, administers: false },
  admin: { writes: true, snapshots: true, replicates: true, administers: true },
};

/** Every permission. */
export const PERMISSIONS: readonly Permission[] = Object.keys(PERMITS) as Permission[];

/** What a user may do with an object, and how far they may fill it. */
export interface UserAttribute {
  /** The name that the user proves, such as that of CHAP, or the iSCSI name of an initiator without one. */
  name: string;
  permission: Permission;
  /** Writes of the user that take new space are refused when the file would take more than this; without it, never. */
  quotaBytes?: number;
}

/** What somebody may do with an object; reading is a matter of course. */
export interface ObjectRights {
  readonly writes: boolean;
  readonly snapshots: boolean;
  readonly replicates: boolean;
  /** May change the object as a whole. */
  readonly administers: boolean;
  /** How far they may fill the object; as far as there is space when left out. */
  readonly space?: SpaceAllowance;
}

/** Longest name of a user in characters: that of CHAP_N. */
const MAX_NAME_LENGTH = 255;

/** True for a name that a user can have. */
export function isUserName(name: unknown): name is string {
  return (
    typeof name === 'string' && name.length >= 1 && name.length <= MAX_NAME_LENGTH && !/\p{Cc}/u.test(name)
  );
}

/** True for a user as an object stores it. */
export function isUser(value: unknown): value is UserAttribute {
  if (typeof value !== 'object' || value === null) return false;
  const { name, permission, quotaBytes } = value as Partial<Record<string, unknown>>;
  const quotaFits =
    quotaBytes === undefined || (Number.isSafeInteger(quotaBytes) && (quotaBytes as number) >= 0);
  return (
    isUserName(name) && typeof permission === 'string' && Object.hasOwn(PERMITS, permission) && quotaFits
  );
}

/**
 * What a user may do with an object; undefined where the object does not exist for them. Without a list everybody may
 * do everything. What is not understood lets nobody in: a newer version may have meant less.
 *
 * @param users the attribute, whatever it holds
 * @param user the name that was proven; undefined is nobody in any list
 * @param ledger that of the object
 */
export function objectRights(
  users: unknown,
  user: string | undefined,
  ledger: SpaceLedger,
): ObjectRights | undefined {
  if (users === undefined) return PERMITS.admin;
  const entry: unknown = Array.isArray(users)
    ? users.find(
        (each: unknown) => (each as Partial<UserAttribute> | null)?.name === user && user !== undefined,
      )
    : undefined;
  if (!isUser(entry)) return undefined;
  const permits: ObjectRights = PERMITS[entry.permission];
  return entry.quotaBytes === undefined ? permits : { ...permits, space: ledger.allowance(entry.quotaBytes) };
}
