import { TargetError } from '../errors.ts';
import type { ChapAlgorithm, ChapCrypto } from './chap-crypto.ts';

/** RFC 7143 §9.2.1: without IPsec a secret has 96 bits at least. */
const MINIMUM_BYTES = 12;

/** The length that RFC 7143 §12.1.3 gives to challenges and responses is more than enough for a secret. */
const MAXIMUM_BYTES = 1024;

const HIDDEN = '[CHAP secret]';

/** Exceptions for {@link ChapSecret}. */
export interface ChapSecretOptions {
  /** Take a secret of less than 96 bits, which can be guessed from one recorded login (RFC 7143 §9.2.1). */
  readonly allowShort?: boolean;
}

/**
 * A secret that can be used and not be read: it is in no log, no error, no JSON, no inspection, and there is no
 * way to get it back.
 */
export class ChapSecret {
  readonly #bytes: Uint8Array;

  /**
   * @param secret - the bytes, or a text that stands for its UTF-8 bytes.
   * @throws TargetError `CHAP_SECRET_INVALID` when it is shorter than 12 bytes, or longer than 1024.
   */
  constructor(secret: string | Uint8Array, options: ChapSecretOptions = {}) {
    this.#bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret.slice();
    const lengthBytes = this.#bytes.length;
    const minimum = options.allowShort === true ? 1 : MINIMUM_BYTES;
    if (lengthBytes < minimum || lengthBytes > MAXIMUM_BYTES) {
      throw new TargetError({ code: 'CHAP_SECRET_INVALID', lengthBytes, minimum, maximum: MAXIMUM_BYTES });
    }
  }

  /** The response to a challenge: the digest of identifier, secret and challenge (RFC 1994 §4.1). */
  respond(
    crypto: ChapCrypto,
    algorithm: ChapAlgorithm,
    identifier: number,
    challenge: Uint8Array,
  ): Uint8Array {
    return crypto.digest(algorithm, Uint8Array.of(identifier), this.#bytes, challenge);
  }

  /** True when both are the same secret. Meant for checks of a configuration. */
  sameAs(other: ChapSecret): boolean {
    if (this.#bytes.length !== other.#bytes.length) return false;
    return this.#bytes.every((byte, index) => byte === other.#bytes[index]);
  }

  /** Never the secret. */
  toString(): string {
    return HIDDEN;
  }

  /** Never the secret. */
  toJSON(): string {
    return HIDDEN;
  }
}
