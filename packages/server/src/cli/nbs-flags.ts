import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { NbdOptions } from '../nbd/nbd-front.ts';
import type { NbsOptions, NbsUser } from '../nbs/nbs-options.ts';
import { ServerError } from '../server-error.ts';
import { tlsKeys, type PortalFlags } from './portal-flags.ts';
import { SourceFiles } from './source-files.ts';

/** Flags of `lunbox serve` about NBS and NBD. */
export interface NbsFlags extends PortalFlags {
  readonly nbs?: readonly string[];
  readonly nbsTls?: readonly string[];
  readonly nbsUsers?: string;
  readonly nbsPlain?: boolean;
  readonly nbsDirectory?: string;
  readonly nbd?: readonly string[];
  readonly nbdPlain?: boolean;
}

/** A user as a file has it. */
interface FileUser {
  readonly user: string;
  readonly passwordFile?: string;
  readonly verifier?: string;
  readonly mayCreate?: boolean;
}

/** What the flags ask of NBS; undefined without any. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`. */
export function nbsFromFlags(flags: NbsFlags): NbsOptions | undefined {
  const { nbs = [], nbsTls = [], nbsUsers, nbsPlain = false, nbsDirectory: directory } = flags;
  if (nbs.length + nbsTls.length === 0) {
    if (nbsUsers !== undefined || nbsPlain || directory !== undefined)
      throw bad('--nbs-users, --nbs-directory and --nbs-plain need --nbs or --nbs-tls');
    return undefined;
  }
  if (directory !== undefined && statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw bad(`--nbs-directory: there is no directory ${directory}`);
  const secure = nbsTls.map((portal) => ({ portal, tls: tlsKeys('--nbs-tls', flags) }));
  return {
    portals: [...nbs, ...secure],
    ...(nbsUsers === undefined ? {} : { users: readUsers(nbsUsers) }),
    ...(nbsPlain ? { allowPlain: true } : {}),
    ...(directory === undefined ? {} : { directory }),
  };
}

/** What the flags ask of NBD; undefined without any. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`. */
export function nbdFromFlags(flags: NbsFlags): NbdOptions | undefined {
  const { nbd = [], nbdTls = [], nbdPlain = false } = flags;
  if (nbd.length + nbdTls.length === 0) {
    if (nbdPlain) throw bad('--nbd-plain needs --nbd');
    return undefined;
  }
  const secure = nbdTls.map((portal) => ({ portal, tls: tlsKeys('--nbd-tls', flags) }));
  return { portals: [...nbd, ...secure], ...(nbdPlain ? { allowPlain: true } : {}) };
}

/** Reads a list of users; files with passwords are relative to its directory. */
function readUsers(path: string): NbsUser[] {
  const files = new SourceFiles();
  const text = files.readPrivate(path, 'the users of NBS');
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw bad(`${path} is no JSON: ${(cause as Error).message}`);
  }
  if (!Array.isArray(list) || list.length === 0) throw bad(`${path} is no list of users`);
  return list.map((entry: unknown, index) => {
    if (!isFileUser(entry))
      throw bad(
        `${path}, entry ${index + 1}: write {"user": NAME, "passwordFile": FILE} or {…, "verifier": TEXT}`,
      );
    const { user: name, passwordFile, verifier, mayCreate = false } = entry;
    const rights = mayCreate ? { mayCreate } : {};
    if (passwordFile === undefined)
      return { name, ...rights, ...(verifier === undefined ? {} : { verifier }) };
    const password = readPassword(files, resolve(dirname(path), passwordFile), name);
    return { name, ...rights, password };
  });
}

/** The password of a user in a file of its own. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`. */
export function readPassword(files: SourceFiles, path: string, user: string): string {
  const password = files.readPrivate(path, `the password of ${user}`).trimEnd();
  if (password === '') throw bad(`the password of ${user} is empty`);
  return password;
}

function isFileUser(entry: unknown): entry is FileUser {
  if (typeof entry !== 'object' || entry === null) return false;
  const { user, passwordFile, verifier, mayCreate, ...others } = entry as Partial<Record<string, unknown>>;
  const given = [passwordFile, verifier].filter((value) => value !== undefined);
  return (
    typeof user === 'string' &&
    user !== '' &&
    (mayCreate === undefined || typeof mayCreate === 'boolean') &&
    given.length === 1 &&
    typeof given[0] === 'string' &&
    Object.keys(others).length === 0
  );
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
