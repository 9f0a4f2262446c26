import type { AccessEntry } from '@lunbox/iscsi-target';
import { ServerError } from '../server-error.ts';
import { readAccessFile } from './access-file.ts';
import { initiatorSecrets, targetSecret } from './secrets.ts';
import type { SourceFiles } from './source-files.ts';

/** Flags of `lunbox serve` that say who may log in. */
export interface AccessFlags {
  readonly access?: string;
  readonly allow?: readonly string[];
  readonly initiatorAddress?: readonly string[];
  readonly chapUser?: string;
  readonly chapSecretFile?: string;
  readonly mutualUser?: string;
  readonly mutualSecretFile?: string;
  readonly allowShortSecrets?: boolean;
}

/** Flags that an access file stands in for. */
const FLAGS_OF_ONE = ['allow', 'initiatorAddress', 'chapUser', 'mutualUser'] as const;

/**
 * The access list that the flags ask for, and the files that they name, which are read through `files`; empty
 * without any of them. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`.
 */
export function loadAccess(flags: AccessFlags, files: SourceFiles): AccessEntry[] {
  checkCompanions(flags);
  const { access, allowShortSecrets = false } = flags;
  return access === undefined
    ? accessFromFlags(flags, files)
    : readAccessFile(access, { files, allowShort: allowShortSecrets });
}

function accessFromFlags(flags: AccessFlags, files: SourceFiles): AccessEntry[] {
  const { allow, initiatorAddress: addresses, chapUser, mutualUser, allowShortSecrets = false } = flags;
  if (!allow && !addresses && chapUser === undefined) return [];
  const secrets = {
    files,
    file: flags.chapSecretFile,
    variable: 'LUNBOX_CHAP_SECRET',
    setting: '--chap-secret-file',
  };
  const own = {
    files,
    file: flags.mutualSecretFile,
    variable: 'LUNBOX_MUTUAL_SECRET',
    setting: '--mutual-secret-file',
  };
  const common = {
    ...(addresses ? { addresses } : {}),
    ...(chapUser === undefined
      ? {}
      : { chap: { user: chapUser, secrets: initiatorSecrets(secrets, allowShortSecrets) } }),
    ...(mutualUser === undefined
      ? {}
      : { mutual: { user: mutualUser, secret: targetSecret(own, allowShortSecrets) } }),
  };
  return (allow ?? ['*']).map((initiator) => ({ initiator, ...common }));
}

function checkCompanions(flags: AccessFlags): void {
  const { access, chapUser, chapSecretFile, mutualUser, mutualSecretFile } = flags;
  if (access !== undefined && FLAGS_OF_ONE.some((name) => flags[name] !== undefined)) {
    throw bad('--access says all about who may log in; leave --allow, --initiator-address and the users out');
  }
  if (chapSecretFile !== undefined && chapUser === undefined)
    throw bad('--chap-secret-file needs --chap-user');
  if (mutualSecretFile !== undefined && mutualUser === undefined) {
    throw bad('--mutual-secret-file needs --mutual-user');
  }
  if (mutualUser !== undefined && chapUser === undefined) throw bad('--mutual-user needs --chap-user');
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
