import type { ChapCredentials } from './chap.ts';
import { optionsError } from './errors.ts';
import { parsePortal, type Portal } from './transport.ts';

/** What an iSCSI URL says. */
export interface IscsiUrl {
  readonly portal: Portal;
  /** Undefined in a URL of a portal alone. */
  readonly targetName: string | undefined;
  /** Undefined in a URL without a LUN. */
  readonly lun: number | undefined;
  readonly chap: ChapCredentials | undefined;
  /** True for `iscsis:`. */
  readonly tls: boolean;
}

const CREDENTIALS = /(?:(?<user>[^%:@/]+)(?:[%:](?<secret>[^@/]*))?@)?/;
const PORTAL = /(?<portal>\[[^\]]*\](?::\d+)?|[^/?#@%[]+)/;
const PATH = /(?:\/(?<target>[^/?#]*)(?:\/(?<lun>\d+))?)?\/?/;
const URL_FORM = new RegExp(`^(iscsis?)://${CREDENTIALS.source}${PORTAL.source}${PATH.source}$`);

/**
 * Reads `iscsi://[user%secret@]host[:port][/target[/lun]]`, the form that libiscsi and QEMU know; `iscsis:` asks for
 * TLS. IPv6 addresses stand in brackets.
 *
 * @throws InitiatorError `INITIATOR_OPTIONS` when it is no such URL; the message does not repeat the secret.
 */
export function parseIscsiUrl(url: string): IscsiUrl {
  const match = URL_FORM.exec(url);
  const { user, secret = '', portal: where = '', target = '', lun } = match?.groups ?? {};
  const portal = parsePortal(where);
  const number = lun === undefined ? undefined : Number(lun);
  if (match === null || portal === undefined || (number ?? 0) > 16_383) {
    const reason = 'not an iSCSI URL: iscsi://[user%secret@]host[:port]/target/lun';
    throw optionsError(reason);
  }
  return {
    portal,
    targetName: target === '' ? undefined : target,
    lun: number,
    chap: user === undefined ? undefined : { name: user, secret },
    tls: match[1] === 'iscsis',
  };
}
