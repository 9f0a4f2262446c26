import { isUser, type UserAttribute } from '@lunbox/storage-object';
import { formatSize } from './size.ts';

/** A user for people: `alice: write, up to 10 GiB`. */
function describeUser({ name, permission, quotaBytes }: UserAttribute): string {
  return `${name}: ${permission}${quotaBytes === undefined ? '' : `, up to ${formatSize(quotaBytes)}`}`;
}

/**
 * A list of users for people, one a line; what is no user is shown as it is stored.
 *
 * @param list the attribute, whatever it holds
 */
export function userLines(list: unknown): string[] {
  if (list === undefined) return ['everybody: admin'];
  if (!Array.isArray(list) || list.length === 0) return ['nobody'];
  return list.map((user: unknown) => (isUser(user) ? describeUser(user) : JSON.stringify(user)));
}

/** What has become of a list of users, on one line. */
export function describeChange(before: unknown, after: unknown): string {
  const line = (list: unknown): string => userLines(list).join('; ');
  return `${line(before)} -> ${line(after)}`;
}
