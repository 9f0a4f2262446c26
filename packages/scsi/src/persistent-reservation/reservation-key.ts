/** A reservation key as text: 16 hexadecimal digits in lower case. */
export function keyText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The 8 bytes of a reservation key. Throws a RangeError when the text is not 16 hexadecimal digits. */
export function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{16}$/i.test(key))
    throw new RangeError(`reservation key ${key} is not 16 hexadecimal digits`);
  return Uint8Array.from(Buffer.from(key, 'hex'));
}
