declare const TextEncoder: new () => { encode(text: string): Uint8Array };

/** Longest iSCSI name in bytes of UTF-8 (RFC 7143 §4.2.7.2). */
export const MAX_ISCSI_NAME_LENGTH = 223;

/** RFC 7143 §4.2.7.4: date of ownership, reversed domain name, and after a colon whatever its owner chose. */
const IQN = /^iqn\.\d{4}-(?:0[1-9]|1[0-2])\.[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::(?<rest>.+))?$/u;

/** RFC 7143 §4.2.7.5: 16 hexadecimal digits. */
const EUI = /^eui\.[0-9a-fA-F]{16}$/;

/** RFC 7143 §4.2.7.6: a 64- or 128-bit NAA identifier. */
const NAA = /^naa\.(?:[0-9a-fA-F]{16}|[0-9a-fA-F]{32})$/;

/**
 * What the iSCSI stringprep profile lets through: no punctuation but these three, no space, no upper case
 * (RFC 3722).
 */
const PREPARED = /^[-.:a-z0-9\u0080-\u{10ffff}]*$/u;

/**
 * Characters beyond ASCII that RFC 3722 prohibits: spaces, controls, private use, surrogates and
 * unassigned; and upper case.
 */
const PROHIBITED = /[\p{Z}\p{C}\p{Lu}\p{Lt}]/u;

/**
 * True for a name of type `iqn.`, `eui.` or `naa.` in the form in which it may be compared byte for byte
 * (RFC 7143 §4.2.7.2); the digits of the last two may be in upper case, as they are in the RFC's examples.
 */
export function isIscsiName(name: string): boolean {
  if (name.length > MAX_ISCSI_NAME_LENGTH) return false;
  if (EUI.test(name) || NAA.test(name)) return true;
  const rest = IQN.exec(name);
  if (rest === null || name.normalize('NFC') !== name) return false;
  const chosen = rest.groups?.['rest'] ?? '';
  if (!PREPARED.test(chosen) || PROHIBITED.test(chosen)) return false;
  return new TextEncoder().encode(name).length <= MAX_ISCSI_NAME_LENGTH;
}

/**
 * The name in lower case and compatibility-composed form, as the iSCSI stringprep profile maps it (RFC 3722
 * §4). Two names that are equal after this name the same node. Whether the result is a name at all is for
 * {@link isIscsiName} to say.
 */
export function normalizeIscsiName(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC');
}
