import { ChapSecret, TargetError } from '@lunbox/iscsi-target';
import { ServerError } from '../server-error.ts';
import type { SourceFiles } from './source-files.ts';

/** Where a secret comes from: never from the command line, which every user of the machine can read. */
export interface SecretSource {
  readonly file: string | undefined;
  readonly files: SourceFiles;
  /** Environment variable that holds the secret when there is no file. */
  readonly variable?: string;
  /** What names the file, for messages. */
  readonly setting: string;
}

/** One secret of initiators, or two, a line each, while they are being changed. */
export function initiatorSecrets(source: SecretSource, allowShort: boolean): ChapSecret[] {
  const lines = readSecrets(source);
  if (lines.length > 2)
    throw bad(`${sourceName(source)} has more than two lines; old and new secret are two`);
  return lines.map((line) => newSecret(line, source, allowShort));
}

/** The secret by which the target proves itself. */
export function targetSecret(source: SecretSource, allowShort: boolean): ChapSecret {
  const [line = '', ...more] = readSecrets(source);
  if (more.length > 0) throw bad(`${sourceName(source)} has more than one line; a target has one secret`);
  return newSecret(line, source, allowShort);
}

function readSecrets(source: SecretSource): string[] {
  const { file, files, variable, setting } = source;
  const text = file === undefined ? process.env[variable ?? ''] : files.readPrivate(file, 'the secret');
  if (text === undefined) {
    throw bad(
      `a secret is needed: name a file by ${setting}${variable === undefined ? '' : `, or set ${variable}`}`,
    );
  }
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** The error tells lengths, never the secret. */
function newSecret(line: string, source: SecretSource, allowShort: boolean): ChapSecret {
  try {
    return new ChapSecret(line, { allowShort });
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw new ServerError('SERVER_BAD_OPTIONS', `${sourceName(source)}: ${error.message}`, { cause: error });
  }
}

function sourceName({ file, variable = '' }: SecretSource): string {
  return file ?? variable;
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
