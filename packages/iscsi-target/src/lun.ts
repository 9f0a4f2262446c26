/** True when two 8-byte LUNs are the same bytes: the same unit, named in the same way. */
export function sameLun(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index]);
}
