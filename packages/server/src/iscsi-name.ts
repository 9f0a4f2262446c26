import { isIscsiName } from '@lunbox/iscsi-pdu';
import { ServerError } from './server-error.ts';

/**
 * Checks an iSCSI name and answers it in lower case, as RFC 7143 §4.2.7.2 compares names.
 * Throws a {@link ServerError} `SERVER_BAD_NAME`.
 */
export function checkIscsiName(text: string): string {
  const name = text.toLowerCase();
  if (isIscsiName(name)) return name;
  const message = `"${text}" is not an iSCSI name; write one such as iqn.2026-11.com.example:disk0`;
  throw new ServerError('SERVER_BAD_NAME', message, { iqn: text });
}

/** 48 random bits: enough to keep the disks of a site apart, and short enough to be read out. */
const SHORT_IDENTITY_BYTES = 6;

/**
 * The name of a target that was given none: made from the identity of its first disk, so that it is the same
 * at each start.
 */
export function defaultIscsiName(identity: Uint8Array): string {
  return `iqn.2026-11.io.lunbox:${Buffer.from(identity.subarray(0, SHORT_IDENTITY_BYTES)).toString('hex')}`;
}
