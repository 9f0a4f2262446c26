import { ChapSecret, TargetError, type AccessEntry } from '@lunbox/iscsi-target';
import { readFileSync, statSync } from 'node:fs';
import { ServerError } from '../server-error.ts';

/** Flags of `lunbox serve` that say who may log in. */
export interface AccessFlags {
  readonly allow?: readonly string[];
  readonly initiatorAddress?: readonly string[];
  readonly chapUser?: string;
  readonly chapSecretFile?: string;
  readonly mutualUser?: string;
  readonly mutualSecretFile?: string;
  readonly allowShortSecrets?: boolean;
}

/** Where a secret comes from: never from the command line, which every user of the machine can read. */
interface SecretSource {
  readonly file: string | undefined;
  readonly variable: string;
  readonly flag: string;
}

/** Permission bits of a file for others than its owner. */
const OTHERS = 0o077;

/**
 * The access list that the flags ask for; empty without any of them.
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS`.
 */
export function accessFromFlags(flags: AccessFlags): AccessEntry[] {
  const { allow, initiatorAddress: addresses, chapUser, mutualUser } = flags;
  checkCompanions(flags);
  if (!allow && !addresses && chapUser === undefined) return [];
  const chap = chapUser === undefined ? {} : { chap: { user: chapUser, secrets: initiatorSecrets(flags) } };
  const mutual =
    mutualUser === undefined ? {} : { mutual: { user: mutualUser, secret: targetSecret(flags) } };
  const common = { ...(addresses ? { addresses } : {}), ...chap, ...mutual };
  return (allow ?? ['*']).map((initiator) => ({ initiator, ...common }));
}

function checkCompanions({ chapUser, chapSecretFile, mutualUser, mutualSecretFile }: AccessFlags): void {
  if (chapSecretFile !== undefined && chapUser === undefined)
    throw bad('--chap-secret-file needs --chap-user');
  if (mutualSecretFile !== undefined && mutualUser === undefined) {
    throw bad('--mutual-secret-file needs --mutual-user');
  }
  if (mutualUser !== undefined && chapUser === undefined) throw bad('--mutual-user needs --chap-user');
}

/** One secret, or two, a line each, while they are being changed. */
function initiatorSecrets(flags: AccessFlags): ChapSecret[] {
  const variable = 'LUNBOX_CHAP_SECRET';
  const source = { file: flags.chapSecretFile, variable, flag: '--chap-secret-file' };
  const lines = readSecrets(source);
  if (lines.length > 2)
    throw bad(`${sourceName(source)} has more than two lines; old and new secret are two`);
  return lines.map((line) => newSecret(line, source, flags));
}

function targetSecret(flags: AccessFlags): ChapSecret {
  const variable = 'LUNBOX_MUTUAL_SECRET';
  const source = { file: flags.mutualSecretFile, variable, flag: '--mutual-secret-file' };
  const [line = '', ...more] = readSecrets(source);
  if (more.length > 0) throw bad(`${sourceName(source)} has more than one line; a target has one secret`);
  return newSecret(line, source, flags);
}

function readSecrets(source: SecretSource): string[] {
  const text = source.file === undefined ? process.env[source.variable] : readSecretFile(source.file);
  if (text === undefined)
    throw bad(`a secret is needed: name a file by ${source.flag}, or set ${source.variable}`);
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

function readSecretFile(path: string): string {
  try {
    if ((statSync(path).mode & OTHERS) !== 0 && process.platform !== 'win32') {
      console.error(`lunbox: warning: other users may read or change ${path}; chmod 600 it`);
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new ServerError('SERVER_BAD_OPTIONS', `cannot read the secret in ${path}: ${code}`, {
      cause: error,
    });
  }
}

/** The error tells lengths, never the secret. */
function newSecret(
  line: string,
  source: SecretSource,
  { allowShortSecrets = false }: AccessFlags,
): ChapSecret {
  try {
    return new ChapSecret(line, { allowShort: allowShortSecrets });
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw new ServerError('SERVER_BAD_OPTIONS', `${sourceName(source)}: ${error.message}`, { cause: error });
  }
}

function sourceName({ file, variable }: SecretSource): string {
  return file ?? variable;
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
