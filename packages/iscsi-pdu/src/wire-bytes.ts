/**
 * Bytes with the four number methods of Node's Buffer that the layouts of `buffer-layout` call, so that
 * they work in a browser. A view of the same memory: what is written here is written there. Integers are of
 * 1 to 6 bytes, unsigned, and not checked.
 */
export class WireBytes extends Uint8Array {
  /** Pieces cut out of these bytes are plain arrays. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  /** The same bytes, seen through this class. */
  static over(bytes: Uint8Array): WireBytes {
    // The declared constructor knows no shared memory; the real one takes it as it takes any other.
    return new WireBytes(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  }

  readUIntBE(offset: number, length: number): number {
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + this[offset + i]!;
    return value;
  }

  readUIntLE(offset: number, length: number): number {
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + this[offset + i]!;
    return value;
  }

  writeUIntBE(value: number, offset: number, length: number): number {
    let rest = value;
    for (let i = length - 1; i >= 0; i--) {
      this[offset + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return offset + length;
  }

  writeUIntLE(value: number, offset: number, length: number): number {
    let rest = value;
    for (let i = 0; i < length; i++) {
      this[offset + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return offset + length;
  }
}
