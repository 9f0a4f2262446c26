/** What a client may do after a failure: try again here, at another portal, or not at all. */
export type Retry = 'same' | 'other' | 'never';

/** One row of the table of statuses. */
export interface StatusRow {
  readonly retry: Retry;
  readonly about: string;
}

/** All status codes by name; where Linux has an errno of the meaning, it is that number. */
export const Status = {
  OK: 0,
  PERM: 1,
  NOENT: 2,
  IO: 5,
  BUSY: 16,
  EXIST: 17,
  INVAL: 22,
  NOSPC: 28,
  READONLY: 30,
  OVERFLOW: 75,
  NOTSUP: 95,
  SHUTDOWN: 108,
  TIMEOUT: 110,
  PROTO: 1001,
  VERSION: 1002,
  AUTH_REQUIRED: 1003,
  AUTH_FAILED: 1004,
  DIGEST: 1005,
  FENCED: 1006,
  RESERVED: 1007,
  SESSION_LOST: 1008,
  QUOTA: 1010,
  SNAP_INVALID: 1012,
  HELD: 1013,
  QUIESCE_FAILED: 1014,
  FAULTED: 1016,
  LIMIT: 1020,
  MISCOMPARE: 1023,
} as const;

/** Name of a status. */
export type StatusName = keyof typeof Status;

const row = (retry: Retry, about: string): StatusRow => ({ retry, about });

/** What each of them means. */
export const STATUSES: Readonly<Record<StatusName, StatusRow>> = {
  OK: row('never', 'It is done.'),
  PERM: row('never', 'The user may not do this.'),
  NOENT: row('never', 'There is no such object or snapshot, or not for this user.'),
  IO: row('never', 'The medium failed.'),
  BUSY: row('same', 'Somebody else uses it in a way that excludes this.'),
  EXIST: row('never', 'The name is taken.'),
  INVAL: row('never', 'The request makes no sense: a range, a length, a field.'),
  NOSPC: row('never', 'The medium is full.'),
  READONLY: row('never', 'Changes are refused.'),
  OVERFLOW: row('never', 'A number is too large.'),
  NOTSUP: row('never', 'This server cannot do it.'),
  SHUTDOWN: row('other', 'The server stops.'),
  TIMEOUT: row('same', 'It took too long, and is not done.'),
  PROTO: row('never', 'The request is not in order here.'),
  VERSION: row('never', 'There is no version that both speak.'),
  AUTH_REQUIRED: row('never', 'The client has to prove first who it is.'),
  AUTH_FAILED: row('never', 'The proof is wrong.'),
  DIGEST: row('same', 'The payload does not fit its digest; nothing was done.'),
  FENCED: row('never', 'The lease has ended: somebody else writes.'),
  RESERVED: row('same', 'An initiator has the object reserved.'),
  SESSION_LOST: row('never', 'There is no such session any more; open everything anew.'),
  QUOTA: row('never', 'The quota of the user is used up.'),
  SNAP_INVALID: row('never', 'What is stored of the snapshot is damaged, or it is a bookmark.'),
  HELD: row('never', 'Somebody holds the snapshot.'),
  QUIESCE_FAILED: row('same', 'What uses the object was not suspended; there is no snapshot.'),
  FAULTED: row('never', 'A sync has failed: the object takes no change until it is opened again.'),
  LIMIT: row('same', 'More than the server takes of this.'),
  MISCOMPARE: row('never', 'The bytes are not as expected; nothing was written.'),
};

const BY_CODE = new Map<number, StatusName>(
  Object.entries(Status).map(([name, code]) => [code, name as StatusName]),
);
if (BY_CODE.size !== Object.keys(Status).length) throw new Error('two statuses have one code');

/** The name of a status; one that is not known is to be taken for `IO`. */
export function statusName(code: number): StatusName {
  return BY_CODE.get(code) ?? 'IO';
}
