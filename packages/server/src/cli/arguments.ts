import { normalizeIscsiName } from '@lunbox/iscsi-pdu';
import { InvalidArgumentError } from 'commander';
import { parseSize } from './size.ts';

/** Reads a size such as `10G`, for commander. */
export function sizeArgument(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('Write a size such as 10G, 512M or 1T.');
  return bytes;
}

/** Reads a whole number from 1 up. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('Write a whole number, at least 1.');
  }
  return value;
}

/** Reads a time in seconds, 0 included. */
export function secondsArgument(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Write a number of seconds.');
  return Number(text);
}

/** Reads printable ASCII that fits a field of INQUIRY data. */
export function textArgument(maxLength: number): (text: string) => string {
  return (text) => {
    if (text.length >= 1 && text.length <= maxLength && /^[\x20-\x7e]+$/.test(text)) return text;
    throw new InvalidArgumentError(`Write 1 to ${maxLength} printable ASCII characters.`);
  };
}

/** How far a user may fill a disk: bytes, or as far as there is space. */
export type QuotaArgument = number | 'none';

/** Reads a quota. */
export function quotaArgument(text: string): QuotaArgument {
  if (text === 'none') return text;
  return text === '0' ? 0 : sizeArgument(text);
}

/** A quota as requests have it: null is as far as there is space. */
export function quotaOf(quota: QuotaArgument | undefined): number | null | undefined {
  return quota === 'none' ? null : quota;
}

/** Reads the name of a user; those of iSCSI nodes are compared in one form. */
export function userArgument(text: string): string {
  return /^(iqn|eui|naa)\./i.test(text) ? normalizeIscsiName(text) : text;
}

/** Gathers the values of a flag that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Reads the number of a LUN. */
export function lunArgument(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('Not the number of a LUN.');
  return Number(text);
}

/** Collects the numbers of LUNs. */
export function collectLuns(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, lunArgument(text)];
}

/** Gathers labels. */
export function labelArgument(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write a label such as job=nightly.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
