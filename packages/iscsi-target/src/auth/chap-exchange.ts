import { LoginStatus, formatBinary, parseBinary, parseList, parseNumber } from '@lunbox/iscsi-pdu';
import { LoginError } from '../login-error.ts';
import type { AccessEntry, TargetCredentials } from './access-entry.ts';
import { CHAP_DIGEST_BYTES, type ChapAlgorithm, type ChapCrypto } from './chap-crypto.ts';
import type { ChapSecret } from './chap-secret.ts';

type Pairs = [string, string][];

/** What one login may be authenticated with. */
export interface ChapChoices {
  readonly crypto: ChapCrypto;
  /** Algorithms that are good enough, the strongest first. */
  readonly algorithms: readonly ChapAlgorithm[];
  /** Entries that the initiator fits by name and address; each asks for CHAP. */
  readonly entries: readonly AccessEntry[];
}

/** The challenge that an initiator has to answer. */
interface Challenge {
  readonly algorithm: ChapAlgorithm;
  readonly identifier: number;
  readonly bytes: Uint8Array;
}

/** The target's side of one CHAP exchange (RFC 7143 §12.1.3): a challenge, then the verdict on the response. */
export class ChapExchange {
  readonly #choices: ChapChoices;
  #challenge: Challenge | undefined = undefined;
  #proven: AccessEntry | undefined = undefined;

  constructor(choices: ChapChoices) {
    this.#choices = choices;
  }

  /** The entry whose identity the initiator has proven; undefined until then. */
  get proven(): AccessEntry | undefined {
    return this.#proven;
  }

  /**
   * Takes the CHAP keys of one request and answers them.
   *
   * @throws LoginError `AUTHENTICATION_FAILURE` when the step is incomplete, malformed, out of order or wrong.
   */
  take(keys: ReadonlyMap<string, string>): Pairs {
    if (this.#proven !== undefined) throw failure('a CHAP key after the exchange');
    if (this.#challenge === undefined) {
      checkKeys(keys, ['CHAP_A']);
      this.#challenge = this.#newChallenge(keys.get('CHAP_A') as string);
      return challengeKeys(this.#challenge);
    }
    const wantsMutual = keys.has('CHAP_I') || keys.has('CHAP_C');
    checkKeys(keys, ['CHAP_N', 'CHAP_R', ...(wantsMutual ? ['CHAP_I', 'CHAP_C'] : [])]);
    const entry = this.#verify(keys, this.#challenge);
    const answers = wantsMutual ? this.#prove(keys, this.#challenge, entry.mutual) : [];
    this.#proven = entry;
    return answers;
  }

  /** CHAP_A is a list in any order with anything in it; the strongest algorithm that both have is taken (T-L1). */
  #newChallenge(offered: string): Challenge {
    const numbers = parseList(offered).map(parseNumber);
    const { algorithms, crypto } = this.#choices;
    const algorithm = algorithms.find((candidate) => numbers.includes(candidate));
    if (algorithm === undefined) throw failure('no CHAP algorithm that is good enough was offered');
    const identifier = crypto.randomBytes(1)[0] as number;
    return { algorithm, identifier, bytes: crypto.randomBytes(CHAP_DIGEST_BYTES[algorithm]) };
  }

  #verify(keys: ReadonlyMap<string, string>, challenge: Challenge): AccessEntry {
    const response = binary(keys, 'CHAP_R');
    const user = keys.get('CHAP_N');
    const entry = this.#choices.entries.find(
      ({ chap }) => chap?.user === user && this.#isRight(challenge, response, chap?.secrets ?? []),
    );
    // RFC 7143 §9.2.1: a response that we would have given ourselves is wrong too, since access lists take no
    // secret for both directions.
    if (entry === undefined) throw failure('wrong CHAP user or response');
    return entry;
  }

  /** Every secret is tried, and each comparison takes the same time: the time tells nothing. */
  #isRight(
    { algorithm, identifier, bytes }: Challenge,
    response: Uint8Array,
    secrets: readonly ChapSecret[],
  ): boolean {
    const { crypto } = this.#choices;
    const matches = secrets.map((secret) =>
      crypto.equal(secret.respond(crypto, algorithm, identifier, bytes), response),
    );
    return matches.includes(true);
  }

  /** Answers the initiator's own challenge (mutual CHAP). */
  #prove(
    keys: ReadonlyMap<string, string>,
    { algorithm, bytes: ours }: Challenge,
    mutual: TargetCredentials | undefined,
  ): Pairs {
    const { crypto } = this.#choices;
    const identifier = parseNumber(keys.get('CHAP_I') as string);
    const theirs = binary(keys, 'CHAP_C');
    if (identifier === undefined || identifier > 0xff) throw failure('malformed CHAP_I');
    // RFC 7143 §9.2.1: nobody may have us answer the challenge that we have just sent.
    if (crypto.equal(ours, theirs)) throw failure('the challenge of the target came back');
    if (mutual === undefined) throw failure('the target has nothing to prove itself with');
    const response = mutual.secret.respond(crypto, algorithm, identifier, theirs);
    return [
      ['CHAP_N', mutual.user],
      ['CHAP_R', formatBinary(response)],
    ];
  }
}

function challengeKeys({ algorithm, identifier, bytes }: Challenge): Pairs {
  return [
    ['CHAP_A', String(algorithm)],
    ['CHAP_I', String(identifier)],
    ['CHAP_C', formatBinary(bytes)],
  ];
}

/** A step has all its keys and no other. */
function checkKeys(keys: ReadonlyMap<string, string>, wanted: readonly string[]): void {
  const complete = wanted.every((name) => keys.has(name));
  if (!complete || keys.size !== wanted.length) {
    throw failure(`${[...keys.keys()].join(', ') || 'nothing'} where ${wanted.join(', ')} was expected`);
  }
}

/** A binary value in hexadecimal or base64, 1 to 1024 bytes (RFC 7143 §12.1.3; T-L2). */
function binary(keys: ReadonlyMap<string, string>, name: string): Uint8Array {
  const bytes = parseBinary(keys.get(name) as string);
  if (bytes === undefined || bytes.length === 0) throw failure(`malformed ${name}`);
  return bytes;
}

function failure(reason: string): LoginError {
  return new LoginError(LoginStatus.AUTHENTICATION_FAILURE, reason);
}
