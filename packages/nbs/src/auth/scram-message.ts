/** Attributes of a SCRAM message by their letters (RFC 5802 §5.1), in their order. */
export type ScramAttributes = ReadonlyMap<string, string>;

/** Longest SCRAM message that is looked at, in characters. */
const MESSAGE_LIMIT = 4096;

/** Reads `a=…,b=…`; undefined for what is no such row, or has an attribute that must be understood. */
export function parseAttributes(text: string): ScramAttributes | undefined {
  if (text.length > MESSAGE_LIMIT) return undefined;
  const attributes = new Map<string, string>();
  for (const part of text.split(',')) {
    const match = /^([A-Za-z])=([^]*)$/.exec(part);
    const [, letter = '', value = ''] = match ?? [];
    // RFC 5802 §5.1: "m" is an extension that this side does not know.
    if (match === null || letter === 'm' || attributes.has(letter)) return undefined;
    attributes.set(letter, value);
  }
  return attributes;
}

/** A user name as it stands in a message (RFC 5802 §5.1). */
export function escapeName(name: string): string {
  return name.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C');
}

/** The user name that was escaped; undefined when it was not escaped right. */
export function unescapeName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=');
}
