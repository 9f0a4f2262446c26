import { formatBinary, parseBinary, parseNumber } from '@lunbox/iscsi-pdu';
import type { Random } from '@lunbox/block';
import { InitiatorError, optionsError } from './errors.ts';
import type { KeyValues } from './parameters.ts';

/** CHAP algorithms by the numbers that IANA gave them (RFC 7143 §12.1.3 and the PPP registry). */
export const ChapAlgorithm = { MD5: 5, SHA1: 6, SHA256: 7, SHA3_256: 8 } as const;

/** Hashes with one of {@link ChapAlgorithm}. Cryptography is the shell's, so that the engine runs anywhere. */
export type ChapDigest = (algorithm: number, input: Uint8Array) => Uint8Array;

/** Who we say we are, and how the target proves who it is. */
export interface ChapCredentials {
  /** CHAP_N. */
  readonly name: string;
  /** Twelve bytes or more, unless the connection is protected otherwise (RFC 7143 §9.2.1). */
  readonly secret: string;
  /** Mutual CHAP: the target must know this other secret, and have this name where one is given. */
  readonly mutual?: { readonly name?: string; readonly secret: string };
  /** Algorithms offered, best first. Default: SHA3-256, SHA-256, SHA-1, MD5. */
  readonly algorithms?: readonly number[];
}

/** Offered when the credentials do not say otherwise. */
export const DEFAULT_CHAP_ALGORITHMS: readonly number[] = [
  ChapAlgorithm.SHA3_256,
  ChapAlgorithm.SHA256,
  ChapAlgorithm.SHA1,
  ChapAlgorithm.MD5,
];

/**
 * Checks what an exchange would stumble over.
 *
 * @throws InitiatorError `INITIATOR_OPTIONS` when both directions have one secret (RFC 7143 §12.1.3), or an algorithm
 * is unknown.
 */
export function checkCredentials({ secret, mutual, algorithms }: ChapCredentials): void {
  if (mutual?.secret === secret) throw optionsError('the target has the same CHAP secret as the initiator');
  const offered = algorithms ?? DEFAULT_CHAP_ALGORITHMS;
  const known = offered.every((algorithm) => DEFAULT_CHAP_ALGORITHMS.includes(algorithm));
  if (!known || offered.length === 0) throw optionsError(`CHAP algorithms ${offered.join(',')}`);
}

/** Bytes of our own challenge. */
const CHALLENGE_BYTES = 32;

/** Where the sources of a {@link ChapExchange} come from. */
export interface ChapSeams {
  readonly digest: ChapDigest;
  readonly random: Random;
}

/** The initiator's half of one CHAP exchange (RFC 7143 §12.1.3, RFC 1994). */
export class ChapExchange {
  readonly #credentials: ChapCredentials;
  readonly #algorithms: readonly number[];
  readonly #seams: ChapSeams;
  #chosen = 0;
  #ownIdentifier = 0;
  #ownChallenge: Uint8Array | undefined;

  constructor(credentials: ChapCredentials, algorithms: readonly number[], seams: ChapSeams) {
    this.#credentials = credentials;
    this.#algorithms = algorithms;
    this.#seams = seams;
  }

  /** The algorithm that the target chose; 0 before. */
  get chosenAlgorithm(): number {
    return this.#chosen;
  }

  /** The first step: which algorithms we know. */
  offer(): [string, string][] {
    return [['CHAP_A', this.#algorithms.join(',')]];
  }

  /**
   * The second step: answers the target's challenge, and challenges the target when it is to prove itself.
   *
   * @throws InitiatorError `INITIATOR_AUTHENTICATION` when the challenge is not a proper one.
   */
  respond(challenge: KeyValues): [string, string][] {
    this.#chosen = numberIn(challenge, 'CHAP_A');
    if (!this.#algorithms.includes(this.#chosen)) throw failed('the target chose an algorithm not on offer');
    const identifier = numberIn(challenge, 'CHAP_I');
    const bytes = binaryIn(challenge, 'CHAP_C');
    const { name, secret, mutual } = this.#credentials;
    const pairs: [string, string][] = [
      ['CHAP_N', name],
      ['CHAP_R', formatBinary(this.#response(identifier, secret, bytes))],
    ];
    if (mutual !== undefined) pairs.push(...this.#challengeTarget(bytes));
    return pairs;
  }

  /**
   * The last step of mutual CHAP: the target's proof.
   *
   * @throws InitiatorError `INITIATOR_AUTHENTICATION` when it is none.
   */
  verify(proof: KeyValues): void {
    const { mutual } = this.#credentials;
    if (mutual === undefined || this.#ownChallenge === undefined) return;
    const name = proof.get('CHAP_N');
    if (name === undefined) throw failed('the target gave no CHAP_N');
    if (mutual.name !== undefined && mutual.name !== name) throw failed('the target has another CHAP name');
    const expected = this.#response(this.#ownIdentifier, mutual.secret, this.#ownChallenge);
    if (!equalBytes(expected, binaryIn(proof, 'CHAP_R'))) throw failed('the target has another CHAP secret');
  }

  #challengeTarget(theirs: Uint8Array): [string, string][] {
    const { random } = this.#seams;
    // RFC 7143 §12.1.3: the same challenge in both directions would let a target reflect our own response.
    do this.#ownChallenge = random.bytes(CHALLENGE_BYTES);
    while (equalBytes(this.#ownChallenge, theirs));
    this.#ownIdentifier = random.uint32() & 0xff;
    return [
      ['CHAP_I', String(this.#ownIdentifier)],
      ['CHAP_C', formatBinary(this.#ownChallenge)],
    ];
  }

  /** RFC 1994 §4.1: the hash of identifier, secret and challenge. */
  #response(identifier: number, secret: string, challenge: Uint8Array): Uint8Array {
    const secretBytes = Buffer.from(secret, 'utf8');
    const input = new Uint8Array(1 + secretBytes.length + challenge.length);
    input[0] = identifier;
    input.set(secretBytes, 1);
    input.set(challenge, 1 + secretBytes.length);
    return this.#seams.digest(this.#chosen, input);
  }
}

function failed(reason: string): InitiatorError {
  return new InitiatorError({ code: 'INITIATOR_AUTHENTICATION', reason });
}

function numberIn(pairs: KeyValues, key: string): number {
  const value = parseNumber(pairs.get(key) ?? '');
  if (value === undefined || value > 255) throw failed(`${key} is missing or out of range`);
  return value;
}

function binaryIn(pairs: KeyValues, key: string): Uint8Array {
  const value = parseBinary(pairs.get(key) ?? '');
  if (value === undefined || value.length === 0) throw failed(`${key} is missing or malformed`);
  return value;
}

/** Takes the same time wherever two inputs of one length differ. */
function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
