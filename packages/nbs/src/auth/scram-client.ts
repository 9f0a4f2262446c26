import { fromBase64, toBase64 } from './base64.ts';
import {
  BINDING_KIND,
  keysOf,
  MAX_ITERATIONS,
  MIN_ITERATIONS,
  utf8,
  xor,
  type SaslCrypto,
} from './sasl-crypto.ts';
import { escapeName, parseAttributes } from './scram-message.ts';

/** What the client knows when an exchange begins. */
export interface ScramClientOptions {
  readonly crypto: SaslCrypto;
  readonly user: string;
  readonly password: string;
  /** The value of the TLS exporter; with it the exchange is bound to the connection (the PLUS mechanism). */
  readonly channelBinding: Uint8Array | undefined;
}

const NONCE_BYTES = 18;
const decoder = new TextDecoder();

/** The client's end of a SCRAM-SHA-256 exchange (RFC 5802 §5, RFC 7677). Use it once. */
export class ScramClient {
  readonly #options: ScramClientOptions;
  readonly #nonce: string;
  readonly #header: string;
  readonly #firstBare: string;
  #serverSignature: Uint8Array | undefined;

  constructor(options: ScramClientOptions) {
    this.#options = options;
    this.#nonce = toBase64(options.crypto.random(NONCE_BYTES));
    this.#header = options.channelBinding === undefined ? 'n,,' : `p=${BINDING_KIND},,`;
    this.#firstBare = `n=${escapeName(options.user)},r=${this.#nonce}`;
  }

  /** The message that begins the exchange. */
  first(): Uint8Array {
    return utf8(this.#header + this.#firstBare);
  }

  /** Answers the server's challenge; undefined when that makes no sense, or asks for too little or too much work. */
  async final(challenge: Uint8Array): Promise<Uint8Array | undefined> {
    const { crypto, password, channelBinding } = this.#options;
    const serverFirst = decoder.decode(challenge);
    const attributes = parseAttributes(serverFirst);
    const nonce = attributes?.get('r') ?? '';
    const salt = fromBase64(attributes?.get('s') ?? '');
    const iterations = Number(attributes?.get('i'));
    const isWorkable = iterations >= MIN_ITERATIONS && iterations <= MAX_ITERATIONS;
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce || !salt?.length || !isWorkable)
      return undefined;
    const salted = await crypto.derive(utf8(password.normalize('NFKC')), salt, iterations);
    const { clientKey, storedKey, serverKey } = keysOf(crypto, salted);
    const bound = Uint8Array.from([...utf8(this.#header), ...(channelBinding ?? [])]);
    const withoutProof = `c=${toBase64(bound)},r=${nonce}`;
    const message = utf8(`${this.#firstBare},${serverFirst},${withoutProof}`);
    this.#serverSignature = crypto.hmac(serverKey, message);
    return utf8(`${withoutProof},p=${toBase64(xor(clientKey, crypto.hmac(storedKey, message)))}`);
  }

  /** True when the server's last message proves that it knows the password, too. */
  isServer(last: Uint8Array): boolean {
    const signature = fromBase64(parseAttributes(decoder.decode(last))?.get('v') ?? '');
    if (signature === undefined || this.#serverSignature?.length !== signature.length) return false;
    return this.#options.crypto.equal(signature, this.#serverSignature);
  }
}
