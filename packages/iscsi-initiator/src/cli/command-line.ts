import type { IscsiDisk } from '../disk/iscsi-disk.ts';
import { optionsError } from '../errors.ts';
import { parseIscsiUrl, type IscsiUrl } from '../iscsi-url.ts';
import type { SessionOptions } from '../session-options.ts';
import { connectLun } from '../shell/connect-lun.ts';

/** What was asked for. */
export interface CommandLine {
  readonly command: string;
  readonly url: string;
  /** Bytes. */
  readonly offset: number;
  /** Bytes; undefined goes to the end. */
  readonly length: number | undefined;
  /** Bytes. */
  readonly block: number;
  readonly depth: number;
  readonly seconds: number;
  readonly initiatorName: string | undefined;
  readonly targetSecret: string | undefined;
  readonly digests: boolean;
  /** Connections of the session. */
  readonly connections: number;
  /** 0 to 2. */
  readonly errorRecoveryLevel: number;
}

/** A whole number that is not negative; undefined stays undefined. Throws an Error for anything else. */
export function number(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`"${text}" is not a whole number`);
  return Number(text);
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
