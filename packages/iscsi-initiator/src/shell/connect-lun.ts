import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { IscsiDisk } from '../disk/iscsi-disk.ts';
import { optionsError } from '../errors.ts';
import { parseIscsiUrl } from '../iscsi-url.ts';
import { IscsiSession } from '../session.ts';
import type { OperationOptions, SessionOptions } from '../session-options.ts';
import { systemSeams } from './seams.ts';

/** A LUN to connect to: what a URL says, and everything that a session can be told. */
export interface LunOptions extends SessionOptions, OperationOptions {
  readonly targetName: string;
  readonly lun: number;
  /** Encrypts the connection, with these options of `node:tls`. */
  readonly tls?: TlsOptions;
}

/** What goes with a URL: all that it does not say. */
export type UrlOptions = Partial<Omit<LunOptions, 'portal' | 'targetName' | 'lun'>>;

/**
 * Opens a LUN as a `BlockDevice`, by its options or by its URL: `iscsi://[user%secret@]host[:port]/target/lun`.
 *
 * @throws InitiatorError whatever kept the session or the disk from opening, such as the signal.
 */
export async function connectLun(lun: string | LunOptions, more: UrlOptions = {}): Promise<IscsiDisk> {
  const options = typeof lun === 'string' ? optionsOf(lun, more) : lun;
  const seams = systemSeams(options.tls);
  const session = new IscsiSession(options, seams);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  try {
    await session.open(signal);
    return await IscsiDisk.open({ session, lun: options.lun, clock: seams.clock, ...signal });
  } catch (error) {
    await session.close(signal);
    throw error;
  }
}

function optionsOf(url: string, more: UrlOptions): LunOptions {
  const { portal, targetName, lun, chap, tls } = parseIscsiUrl(url);
  if (targetName === undefined || lun === undefined) {
    throw optionsError('the URL names no LUN');
  }
  return {
    portal,
    targetName,
    lun,
    ...(tls ? { tls: {} } : {}),
    // The URL has the name and the secret; mutual CHAP and algorithms may be added to them.
    ...more,
    ...(chap === undefined ? {} : { chap: { ...more.chap, ...chap } }),
  };
}
