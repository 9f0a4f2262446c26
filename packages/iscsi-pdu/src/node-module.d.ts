// This package is compiled without Node's types, so that no other file can come to need them.
declare module 'node:module' {
  export function createRequire(
    url: string,
  ): (id: '@node-rs/crc32') => { readonly crc32c: (bytes: Uint8Array, seed: number) => number };
}

interface ImportMeta {
  readonly url: string;
}
