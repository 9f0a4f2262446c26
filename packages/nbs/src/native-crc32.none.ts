/** Outside Node.js there is no native CRC-32. */
export const nativeCrc32: ((bytes: Uint8Array, seed: number) => number) | undefined = undefined;
