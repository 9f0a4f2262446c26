/** Length of every identifier of this package. */
export const UUID_BYTES = 16;

/** 16 zero bytes: "none". */
export const NIL_UUID: Uint8Array = new Uint8Array(UUID_BYTES);

/** Writes 16 bytes in the usual 8-4-4-4-12 form. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Reads the 8-4-4-4-12 form; anything else gives 16 zero bytes. */
export function parseUuid(text: string): Uint8Array {
  const hex = text.trim().replaceAll('-', '');
  return /^[0-9a-fA-F]{32}$/.test(hex) ? new Uint8Array(Buffer.from(hex, 'hex')) : NIL_UUID;
}

/** True when both are the same 16 bytes. */
export function sameUuid(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
