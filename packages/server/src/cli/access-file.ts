import type { AccessEntry } from '@lunbox/iscsi-target';
import { dirname, resolve } from 'node:path';
import { ServerError } from '../server-error.ts';
import { initiatorSecrets, targetSecret, type SecretSource } from './secrets.ts';
import type { SourceFiles } from './source-files.ts';

/** One entry of an access file, as `docs/cli.md` describes it. */
interface FileEntry {
  readonly initiator: string;
  readonly addresses?: readonly string[];
  readonly user?: string;
  readonly secretFile?: string;
  readonly mutualUser?: string;
  readonly mutualSecretFile?: string;
  readonly luns?: Readonly<Record<string, number>>;
  readonly readOnly?: boolean;
}

type Check = readonly [what: string, isRight: (value: unknown) => boolean];

const isString = (value: unknown): boolean => typeof value === 'string';
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const TEXT: Check = ['a string', isString];
const CHECKS: Readonly<Record<keyof FileEntry, Check>> = {
  initiator: TEXT,
  addresses: ['a list of strings', (value) => Array.isArray(value) && value.every(isString)],
  user: TEXT,
  secretFile: TEXT,
  mutualUser: TEXT,
  mutualSecretFile: TEXT,
  luns: [
    'an object of LUNs, such as {"0": 3}',
    (value) =>
      isObject(value) &&
      Object.entries(value).every((pair) => /^\d+$/.test(pair[0]) && Number.isInteger(pair[1])),
  ],
  readOnly: ['true or false', (value) => typeof value === 'boolean'],
};

/** Keys that only mean something together with another one. */
const COMPANIONS: readonly (readonly [keyof FileEntry, keyof FileEntry])[] = [
  ['user', 'secretFile'],
  ['secretFile', 'user'],
  ['mutualUser', 'mutualSecretFile'],
  ['mutualSecretFile', 'mutualUser'],
  ['mutualUser', 'user'],
];

/** How a file of access entries is read. */
export interface AccessFileOptions {
  readonly files: SourceFiles;
  /** Take secrets of less than 12 bytes. */
  readonly allowShort: boolean;
}

/**
 * Reads a file of access entries, and the secrets in the files that it names, which are relative to its directory.
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS`.
 */
export function readAccessFile(path: string, { files, allowShort }: AccessFileOptions): AccessEntry[] {
  return accessEntries(parseEntries(path, files), dirname(path), { files, allowShort });
}

/**
 * Access entries that have been checked, with the secrets in the files that they name, relative to `directory`.
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS`.
 */
export function accessEntries(
  entries: readonly FileEntry[],
  directory: string,
  { files, allowShort }: AccessFileOptions,
): AccessEntry[] {
  const source = (name = ''): SecretSource => ({
    files,
    file: resolve(directory, name),
    setting: '"secretFile"',
  });
  return entries.map((entry): AccessEntry => {
    const { initiator, addresses, user, secretFile, mutualUser, mutualSecretFile, luns, readOnly } = entry;
    const lunMap = new Map(Object.entries(luns ?? {}).map(([seen, own]) => [Number(seen), own]));
    return {
      initiator,
      ...(addresses ? { addresses } : {}),
      ...(user === undefined
        ? {}
        : { chap: { user, secrets: initiatorSecrets(source(secretFile), allowShort) } }),
      ...(mutualUser === undefined
        ? {}
        : { mutual: { user: mutualUser, secret: targetSecret(source(mutualSecretFile), allowShort) } }),
      ...(luns ? { lunMap } : {}),
      ...(readOnly === undefined ? {} : { readOnly }),
    };
  });
}

function parseEntries(path: string, files: SourceFiles): readonly FileEntry[] {
  const text = files.read(path, 'the access list');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad(path, `not JSON: ${(error as Error).message}`);
  }
  // An empty list would open the disks to every program of this machine.
  if (!Array.isArray(value) || value.length === 0) throw bad(path, 'write a list of at least one entry');
  return value.map((entry, index) => checkEntry(path, index + 1, entry));
}

function checkEntry(path: string, place: number, entry: unknown): FileEntry {
  const wrong = (what: string): ServerError => bad(path, `entry ${place}: ${what}`);
  if (!isObject(entry)) throw wrong('not an object');
  for (const [key, value] of Object.entries(entry)) {
    if (!Object.hasOwn(CHECKS, key)) {
      throw wrong(`there is no "${key}"; there are ${Object.keys(CHECKS).join(', ')}`);
    }
    const [what, isRight] = CHECKS[key as keyof FileEntry];
    if (!isRight(value)) throw wrong(`"${key}" is ${what}`);
  }
  if (entry['initiator'] === undefined) throw wrong('"initiator" is missing');
  const lonely = COMPANIONS.find(([key, other]) => entry[key] !== undefined && entry[other] === undefined);
  if (lonely) throw wrong(`"${lonely[0]}" needs "${lonely[1]}"`);
  return entry as unknown as FileEntry;
}

function bad(path: string, message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', `${path}: ${message}`);
}
