/** The hashes and random numbers that SCRAM needs, as a seam: the engines have none of their own. */
export interface SaslCrypto {
  /** SHA-256. */
  hash(data: Uint8Array): Uint8Array;
  /** HMAC with SHA-256. */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Hi() of RFC 5802 §2.2: PBKDF2 with HMAC-SHA-256, 32 bytes. */
  derive(password: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array>;
  /** True when both are equal; takes the same time whatever differs. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** Random bytes that nobody can guess. */
  random(lengthBytes: number): Uint8Array;
}

/** What a server keeps of a password (RFC 5802 §3): nobody can log in with it. */
export interface ScramVerifier {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** Fewest iterations that are let in (RFC 7677 §4). */
export const MIN_ITERATIONS = 4096;

/** Most iterations that a client works off for a server. */
export const MAX_ITERATIONS = 10_000_000;

/** What SCRAM calls a mechanism with and without channel binding (RFC 7677 §3). */
export const SCRAM = 'SCRAM-SHA-256';
export const SCRAM_PLUS = 'SCRAM-SHA-256-PLUS';

/** The kind of channel binding that is used (RFC 9266). */
export const BINDING_KIND = 'tls-exporter';

const encoder = new TextEncoder();

/** Text as SCRAM hashes it. A name or password is normalised as SASLprep does for what has no control characters. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Makes what a server keeps of a password. */
export async function makeVerifier(
  crypto: SaslCrypto,
  password: string,
  { salt, iterations }: Pick<ScramVerifier, 'salt' | 'iterations'>,
): Promise<ScramVerifier> {
  const salted = await crypto.derive(utf8(password.normalize('NFKC')), salt, iterations);
  return { salt, iterations, ...keysOf(crypto, salted) };
}

/** StoredKey and ServerKey of a salted password (RFC 5802 §3). */
export function keysOf(
  crypto: SaslCrypto,
  salted: Uint8Array,
): Pick<ScramVerifier, 'storedKey' | 'serverKey'> & { readonly clientKey: Uint8Array } {
  const clientKey = crypto.hmac(salted, utf8('Client Key'));
  return { clientKey, storedKey: crypto.hash(clientKey), serverKey: crypto.hmac(salted, utf8('Server Key')) };
}

/** Bytes of one combined with those of the other. */
export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ b[index]!);
}
