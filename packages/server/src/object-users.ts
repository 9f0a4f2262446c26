import type { ObjectRights, Permission, StorageObject, UserAttribute } from '@lunbox/storage-object';
import { ServerError } from './server-error.ts';

/** A list of users; without one everybody may do everything. */
export type UserList = readonly UserAttribute[] | undefined;

/** What is to become of a list of users: of one user in it, or of the list as a whole. */
export interface UserChange {
  /** Whom it is about. */
  readonly user?: string;
  /** What the user may do from now on; a user of the list keeps theirs when it is left out. */
  readonly permission?: Permission;
  /** How far the user may fill the disk from now on; null for as far as there is space. Stays when left out. */
  readonly quotaBytes?: number | null;
  /** Take the user out of the list. */
  readonly remove?: boolean;
  /** Drop the list. */
  readonly everybody?: boolean;
}

/**
 * A list of users after a change. Whoever was let in as one of everybody is not any more when a list begins.
 *
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS` for a change that means nothing.
 */
export function changedUsers(list: UserList, change: UserChange): UserList {
  const { user, permission, quotaBytes, remove = false, everybody = false } = change;
  if (user === undefined) {
    if (everybody && permission === undefined && quotaBytes === undefined && !remove) return undefined;
    throw bad('say which user, or everybody to drop the list');
  }
  if (everybody) throw bad('everybody drops the list, and goes with no user');
  const before = list?.find(({ name }) => name === user);
  if (remove) {
    if (permission !== undefined || quotaBytes !== undefined)
      throw bad('remove takes no permission and no quota');
    if (before === undefined) throw bad(`there is no user ${user} in the list`);
    return list?.filter((each) => each !== before);
  }
  if (permission === undefined && (before === undefined || quotaBytes === undefined)) {
    throw bad(`say what ${user} may do, such as --permission write`);
  }
  const quota = quotaBytes === undefined ? before?.quotaBytes : (quotaBytes ?? undefined);
  const after: UserAttribute = {
    name: user,
    permission: permission ?? before!.permission,
    ...(quota === undefined ? {} : { quotaBytes: quota }),
  };
  if (before === undefined) return [...(list ?? []), after];
  return list?.map((each) => (each === before ? after : each));
}

/** The users of a storage object that is served. */
export class ObjectUsers {
  readonly rightsOf: (user: string | undefined) => ObjectRights | undefined;
  readonly #object: StorageObject;

  constructor(object: StorageObject) {
    this.#object = object;
    this.rightsOf = (user) => object.rightsOf(user);
  }

  /** The list as it is stored. */
  get list(): UserList {
    return this.#object.attributes.users;
  }

  /** Changes the list, durably. Throws a {@link ServerError}, or what updating attributes throws. */
  async change(change: UserChange): Promise<void> {
    const users = changedUsers(this.list, change);
    await this.#object.updateAttributes({ users: users && [...users] } as { users?: UserAttribute[] });
  }
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
