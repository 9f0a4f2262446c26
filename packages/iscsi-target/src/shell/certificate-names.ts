import type { X509Certificate } from 'node:crypto';

const SCHEME = 'iscsi:';
/** One entry of `subjectAltName` as Node.js prints it; values with special characters are JSON strings. */
const ENTRY = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/y;

/**
 * The iSCSI names that a client certificate speaks for: every URI `iscsi:NAME` among the subject's alternative names,
 * or the common name when there is no such URI.
 */
export function certificateNames(certificate: Pick<X509Certificate, 'subject' | 'subjectAltName'>): string[] {
  const uris = alternativeNames(certificate.subjectAltName ?? '')
    .filter(([kind, value]) => kind === 'URI' && value.startsWith(SCHEME))
    .map(([, value]) => value.slice(SCHEME.length).toLowerCase());
  return uris.length > 0 ? uris : commonNames(certificate.subject);
}

/** Kinds and values. Reading stops at what is not understood: nothing that follows it can be trusted. */
function alternativeNames(text: string): [string, string][] {
  const names: [string, string][] = [];
  ENTRY.lastIndex = 0;
  for (let entry = ENTRY.exec(text); entry !== null; entry = ENTRY.exec(text)) {
    const [, kind = '', value = ''] = entry;
    names.push([kind, value.startsWith('"') ? (JSON.parse(value) as string) : value]);
  }
  return names;
}

/** Common names of a subject, which Node.js prints one attribute a line. */
function commonNames(subject: string | undefined): string[] {
  return (subject ?? '')
    .split('\n')
    .filter((line) => line.startsWith('CN='))
    .map((line) => line.slice('CN='.length).toLowerCase());
}
