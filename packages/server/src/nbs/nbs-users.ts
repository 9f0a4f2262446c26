import { makeVerifier, nodeSaslCrypto, type ScramVerifier } from '@lunbox/nbs';
import { ServerError } from '../server-error.ts';
import type { NbsUser } from './nbs-options.ts';

/** Iterations of PBKDF2 for a password that is given as such. */
const ITERATIONS = 600_000;
const SALT_BYTES = 16;
const BASE64 = '[A-Za-z0-9+/=]';
/** As PostgreSQL stores it; the keys have 32 bytes. */
const VERIFIER = new RegExp(
  `^SCRAM-SHA-256\\$(?<iterations>\\d{4,8}):(?<salt>${BASE64}+)\\$(?<stored>${BASE64}{44}):(?<server>${BASE64}{44})$`,
);

/** Who may come in by NBS, and make objects. */
export class NbsUsers {
  /** Whoever comes. */
  readonly areAll: boolean;
  #verifiers: ReadonlyMap<string, ScramVerifier>;
  #makers: ReadonlySet<string>;

  private constructor(users: readonly NbsUser[], verifiers: ReadonlyMap<string, ScramVerifier>) {
    this.areAll = users.length === 0;
    this.#verifiers = verifiers;
    this.#makers = makersOf(users);
  }

  /** Without a user, whoever comes may come in. */
  static async of(users: readonly NbsUser[] = []): Promise<NbsUsers> {
    return new NbsUsers(users, await verifiersOf(users));
  }

  /**
   * Makes the list another one, for those who come from now on. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`, also
   * when it would let in whoever comes, or no longer.
   */
  async replace(users: readonly NbsUser[]): Promise<void> {
    checkUsers(users);
    if (this.areAll || users.length === 0)
      throw new ServerError('SERVER_BAD_OPTIONS', 'whether users are asked for changes with a restart only');
    this.#verifiers = await verifiersOf(users);
    this.#makers = makersOf(users);
  }

  /** What is kept of the password of a user. */
  verifierOf(name: string): ScramVerifier | undefined {
    return this.#verifiers.get(name);
  }

  mayCreate(name: string | undefined): boolean {
    return this.areAll || (name !== undefined && this.#makers.has(name));
  }
}

/** Throws a {@link ServerError} `SERVER_BAD_OPTIONS` for a user who cannot prove who they are. */
export function checkUsers(users: readonly NbsUser[]): void {
  for (const { name, password, verifier } of users) {
    if ((password === undefined) === (verifier === undefined) || (verifier && !VERIFIER.test(verifier)))
      throw new ServerError(
        'SERVER_BAD_OPTIONS',
        `NBS user ${name} needs a password or a SCRAM-SHA-256 verifier`,
      );
  }
}

function makersOf(users: readonly NbsUser[]): ReadonlySet<string> {
  return new Set(users.filter(({ mayCreate }) => mayCreate).map(({ name }) => name));
}

async function verifiersOf(users: readonly NbsUser[]): Promise<ReadonlyMap<string, ScramVerifier>> {
  const verifiers = new Map<string, ScramVerifier>();
  for (const user of users) verifiers.set(user.name, await verifierOf(user));
  return verifiers;
}

async function verifierOf({ password, verifier = '' }: NbsUser): Promise<ScramVerifier> {
  if (password !== undefined) {
    const salt = nodeSaslCrypto.random(SALT_BYTES);
    return await makeVerifier(nodeSaslCrypto, password, { salt, iterations: ITERATIONS });
  }
  const { iterations = '', salt = '', stored = '', server = '' } = VERIFIER.exec(verifier)?.groups ?? {};
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
  return {
    iterations: Number(iterations),
    salt: bytes(salt),
    storedKey: bytes(stored),
    serverKey: bytes(server),
  };
}
