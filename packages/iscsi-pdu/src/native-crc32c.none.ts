/** Outside Node there is no native CRC32C. */
export const nativeCrc32c: ((bytes: Uint8Array, seed: number) => number) | undefined = undefined;
