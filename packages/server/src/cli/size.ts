const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  P: 2 ** 50,
};

/** Reads `10G`, `512M`, `1.5T` or plain bytes; units are powers of 1024. Undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(?<number>\d+(\.\d+)?)\s*(?<unit>[KMGTP]?)(i?B)?$/i.exec(text.trim());
  if (!match?.groups) return undefined;
  const unit = UNITS[match.groups['unit']?.toUpperCase() ?? ''];
  const bytes = Number(match.groups['number']) * (unit ?? NaN);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** Writes bytes for people: `10 GiB`, `1.5 TiB`, `0 B`. */
export function formatSize(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let at = 0;
  while (value >= 1024 && at < names.length - 1) {
    value /= 1024;
    at += 1;
  }
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(1);
  return `${shown} ${names[at] ?? ''}`;
}
