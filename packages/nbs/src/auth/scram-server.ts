import { fromBase64, toBase64 } from './base64.ts';
import { BINDING_KIND, utf8, xor, type SaslCrypto, type ScramVerifier } from './sasl-crypto.ts';
import { parseAttributes, unescapeName } from './scram-message.ts';

/** What the server knows when an exchange begins. */
export interface ScramServerOptions {
  readonly crypto: SaslCrypto;
  /** The verifier of a user; undefined for a user that there is not. */
  readonly verifierOf: (user: string) => ScramVerifier | undefined;
  /** Keyed with this, the salts of users that there are not look like any other. */
  readonly decoySecret: Uint8Array;
  /** Iterations that users who there are not seem to have. */
  readonly decoyIterations: number;
  /** The value of the TLS exporter for this connection; undefined without TLS. */
  readonly channelBinding: Uint8Array | undefined;
  /** The client has chosen the mechanism with channel binding. */
  readonly plus: boolean;
}

/** What comes of a message of the client. */
export type ScramStep =
  | { readonly kind: 'challenge'; readonly data: Uint8Array }
  | { readonly kind: 'done'; readonly data: Uint8Array; readonly user: string }
  | { readonly kind: 'failed' };

const FAILED: ScramStep = { kind: 'failed' };
const NONCE_BYTES = 18;
const decoder = new TextDecoder();

/** The server's end of a SCRAM-SHA-256 exchange (RFC 5802 §5, RFC 7677). Use it once. */
export class ScramServer {
  readonly #options: ScramServerOptions;
  #user = '';
  #header = '';
  #firstBare = '';
  #serverFirst = '';
  #nonce = '';
  #verifier: ScramVerifier | undefined;

  constructor(options: ScramServerOptions) {
    this.#options = options;
  }

  /** Who the client says it is; empty before it has said that. */
  get claimed(): string {
    return this.#user;
  }

  /** Takes the next message of the client. */
  step(data: Uint8Array): ScramStep {
    const text = decoder.decode(data);
    return this.#serverFirst === '' ? this.#first(text) : this.#final(text);
  }

  #first(text: string): ScramStep {
    const match = /^((p=([^,]+)|n|y),(?:a=[^,]*)?,)([^]*)$/.exec(text);
    if (match === null) return FAILED;
    const [, header = '', flag = '', kind, bare = ''] = match;
    if (!this.#isBound(flag, kind)) return FAILED;
    const attributes = parseAttributes(bare);
    const user = unescapeName(attributes?.get('n') ?? '=');
    const nonce = attributes?.get('r') ?? '';
    if (user === undefined || !/^[!-+\--~]{8,256}$/.test(nonce)) return FAILED;
    const { crypto, verifierOf, decoySecret, decoyIterations } = this.#options;
    this.#user = user;
    this.#header = header;
    this.#firstBare = bare;
    this.#nonce = nonce + toBase64(crypto.random(NONCE_BYTES));
    this.#verifier = verifierOf(user);
    const salt = this.#verifier?.salt ?? crypto.hmac(decoySecret, utf8(user)).subarray(0, 16);
    const iterations = this.#verifier?.iterations ?? decoyIterations;
    this.#serverFirst = `r=${this.#nonce},s=${toBase64(salt)},i=${iterations}`;
    return { kind: 'challenge', data: utf8(this.#serverFirst) };
  }

  /** RFC 5802 §6: who could bind and thinks that the server cannot has been told so by somebody in between. */
  #isBound(flag: string, kind: string | undefined): boolean {
    const { plus, channelBinding } = this.#options;
    if (plus) return kind === BINDING_KIND && channelBinding !== undefined;
    return flag === 'n' || (flag === 'y' && channelBinding === undefined);
  }

  #final(text: string): ScramStep {
    const { crypto, channelBinding, plus } = this.#options;
    const [, withoutProof = ''] = /^([^]*),p=[^,]*$/.exec(text) ?? [];
    const attributes = parseAttributes(text);
    const proof = fromBase64(attributes?.get('p') ?? '');
    const bound = plus ? [...utf8(this.#header), ...channelBinding!] : utf8(this.#header);
    const isWhole =
      attributes?.get('r') === this.#nonce &&
      attributes.get('c') === toBase64(Uint8Array.from(bound)) &&
      proof?.length === 32;
    if (!isWhole || this.#verifier === undefined) return FAILED;
    const { storedKey, serverKey } = this.#verifier;
    const message = utf8(`${this.#firstBare},${this.#serverFirst},${withoutProof}`);
    const clientKey = xor(proof, crypto.hmac(storedKey, message));
    if (!crypto.equal(crypto.hash(clientKey), storedKey)) return FAILED;
    const data = utf8(`v=${toBase64(crypto.hmac(serverKey, message))}`);
    return { kind: 'done', data, user: this.#user };
  }
}
