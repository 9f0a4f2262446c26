import type { Attributes } from '@lunbox/storage-object';
import { ServerError } from '../server-error.ts';
import { parseSize } from './size.ts';

/** How the text behind a key is read; undefined when it does not fit. */
interface KeyFormat {
  readonly what: string;
  readonly read: (text: string) => unknown;
}

const TEXT: KeyFormat = { what: 'a text', read: (text) => text };
const NUMBER: KeyFormat = {
  what: 'a whole number',
  read: (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined),
};
const LUN: KeyFormat = {
  what: 'the number of a LUN, 0 to 16383',
  read: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 16_383 ? Number(text) : undefined),
};
const SIZE: KeyFormat = { what: 'a size, such as 64K', read: parseSize };
const NOTHING: KeyFormat = {
  what: 'empty, which drops the list; lunbox attributes user changes it',
  read: () => undefined,
};

/** What `lunbox attributes set` can set, as `docs/cli.md` lists it; a dot leads into an object. */
const KEYS: Readonly<Record<string, KeyFormat>> = {
  name: TEXT,
  description: TEXT,
  'location.bus': NUMBER,
  'location.target': NUMBER,
  'location.lun': LUN,
  'organisation.raidLevel': NUMBER,
  'organisation.stripeBytes': SIZE,
  users: NOTHING,
};

/** Keys of this kind are the names of profiles. */
const PROFILE = /^profiles\.[a-z][a-z0-9-]*$/i;

/**
 * The change that `key=value` words ask for, on top of what an object has; nothing behind the `=` takes the key away.
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS`.
 */
export function changeOf(words: readonly string[], before: Attributes): Attributes {
  const change: Record<string, unknown> = {};
  for (const word of words) {
    const [, key = '', text = ''] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    const format = PROFILE.test(key) ? TEXT : Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (format === undefined) throw bad(`"${word}": write KEY=VALUE; there are ${keyNames()}`);
    const value = text === '' ? undefined : format.read(text);
    if (text !== '' && value === undefined) throw bad(`"${word}": ${key} is ${format.what}`);
    const [outer = '', inner] = key.split('.');
    change[outer] = inner === undefined ? value : withMember(change[outer] ?? before[outer], inner, value);
  }
  return change;
}

/** An object with another member; undefined when none is left. */
function withMember(object: unknown, name: string, value: unknown): unknown {
  const members = Object.entries(Object(object) as Record<string, unknown>).filter(([each]) => each !== name);
  if (value !== undefined) members.push([name, value]);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

function keyNames(): string {
  return [...Object.keys(KEYS), 'profiles.NAME'].join(', ');
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
