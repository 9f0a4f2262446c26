import type { IscsiDisk } from '../disk/iscsi-disk.ts';
import { optionsError } from '../errors.ts';
import { parseIscsiUrl, type IscsiUrl } from '../iscsi-url.ts';
import type { SessionOptions } from '../session-options.ts';
import { connectLun } from '../shell/connect-lun.ts';
import type { OutputForm } from './show.ts';

/** What was asked for. */
export interface CommandLine {
  readonly command: string;
  /** Empty for a command that needs none. */
  readonly url: string;
  /** What stands behind the URL: a page, an operation code, or what to read of reservations. */
  readonly argument: string | undefined;
  /** What a command without a URL takes. */
  readonly words: readonly string[];
  /** Bytes. */
  readonly offset: number;
  /** Bytes; undefined goes to the end. */
  readonly length: number | undefined;
  /** Bytes. */
  readonly block: number;
  readonly depth: number;
  readonly seconds: number;
  /** VPD pages in place of standard INQUIRY data. */
  readonly vpd: boolean;
  /** Every page that is listed. */
  readonly all: boolean;
  /** Which values of mode pages. */
  readonly values: string | undefined;
  readonly output: OutputForm;
  readonly initiatorName: string | undefined;
  readonly targetSecret: string | undefined;
  readonly digests: boolean;
  /** Connections of the session. */
  readonly connections: number;
  /** 0 to 2. */
  readonly errorRecoveryLevel: number;
}

/** What the options say beside the URL, for a session. */
export function sessionOptions(line: CommandLine, { chap, portal }: IscsiUrl): SessionOptions {
  const policy = line.digests ? 'required' : 'none';
  const mutual = line.targetSecret === undefined ? {} : { mutual: { secret: line.targetSecret } };
  return {
    portal,
    negotiation: { headerDigest: policy, dataDigest: policy },
    connections: line.connections,
    // What is out of range the session refuses.
    errorRecoveryLevel: line.errorRecoveryLevel as 0 | 1 | 2,
    ...(line.initiatorName === undefined ? {} : { initiatorName: line.initiatorName }),
    ...(chap === undefined ? {} : { chap: { ...chap, ...mutual } }),
  };
}

/** Opens the LUN that the command line names. */
export function openDisk(line: CommandLine): Promise<IscsiDisk> {
  const url = parseIscsiUrl(line.url);
  const { targetName, lun } = url;
  if (targetName === undefined || lun === undefined) {
    throw optionsError('the URL names no LUN');
  }
  return connectLun({ ...sessionOptions(line, url), targetName, lun, ...(url.tls ? { tls: {} } : {}) });
}
