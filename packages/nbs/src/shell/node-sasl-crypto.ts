import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { SaslCrypto } from '../auth/sasl-crypto.ts';

const deriveKey = promisify(pbkdf2);
const KEY_BYTES = 32;

/** {@link SaslCrypto} of `node:crypto`. */
export const nodeSaslCrypto: SaslCrypto = {
  hash: (data) => createHash('sha256').update(data).digest(),
  hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
  derive: (password, salt, iterations) => deriveKey(password, salt, iterations, KEY_BYTES, 'sha256'),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  random: (lengthBytes) => new Uint8Array(randomBytes(lengthBytes)),
};
