import { LoginStatus, isIscsiName, normalizeIscsiName, parseList } from '@lunbox/iscsi-pdu';
import type { TargetLimits } from './limits.ts';
import { LoginError } from './login-error.ts';
import { defaultParameters, negotiateParameter, type OperationalParameters } from './parameters.ts';

type Pairs = [string, string][];

/** Who the initiator says it is and what it wants. */
export interface LoginNames {
  initiatorName: string | undefined;
  targetName: string | undefined;
  discovery: boolean;
}

/** Keys that an initiator declares about itself, and that it may repeat with the same value (T-L5). */
const NAME_KEYS: Readonly<Record<string, (names: LoginNames, value: string) => void>> = {
  InitiatorName: (names, value) => (names.initiatorName = iscsiName(value)),
  TargetName: (names, value) => (names.targetName = iscsiName(value)),
  SessionType: (names, value) => (names.discovery = sessionType(value)),
  InitiatorAlias: () => undefined,
};

/** The text side of one login: which keys came, what was answered, what is in force. */
export class LoginNegotiation {
  readonly names: LoginNames = { initiatorName: undefined, targetName: undefined, discovery: false };
  readonly parameters: OperationalParameters = defaultParameters();
  readonly #limits: TargetLimits;
  readonly #seen = new Map<string, string>();

  constructor(limits: TargetLimits) {
    this.#limits = limits;
  }

  /** Takes the declarations out of a request's text; the rest can only be answered once it is known who asks. */
  declare(pairs: Pairs): Pairs {
    const rest: Pairs = [];
    for (const [name, value] of pairs) {
      const take = NAME_KEYS[name];
      if (take === undefined) rest.push([name, value]);
      else if (this.#isNew(name, value)) take(this.names, value);
    }
    return rest;
  }

  /**
   * Answers the other keys of a request.
   *
   * @throws LoginError when a key is offered again with another value (RFC 7143 §6.3), or no authentication
   *   method is acceptable.
   */
  answer(pairs: Pairs, stage: 'security' | 'operational'): Pairs {
    const answers: Pairs = [];
    for (const [name, value] of pairs) {
      if (!this.#isNew(name, value)) continue;
      const text =
        name === 'AuthMethod'
          ? authMethod(value)
          : negotiateParameter(
              this.parameters,
              this.#limits,
              { stage, discovery: this.names.discovery },
              name,
              value,
            );
      if (text !== undefined) answers.push([name, text]);
    }
    return answers;
  }

  #isNew(name: string, value: string): boolean {
    const before = this.#seen.get(name);
    this.#seen.set(name, value);
    if (before === undefined) return true;
    // RFC 7143 §6.3: an attempt to renegotiate is an initiator error. A mere repetition is none.
    if (before !== value) throw new LoginError(LoginStatus.INITIATOR_ERROR, `${name} offered twice`);
    return false;
  }
}

/** Computer names with an underscore become part of real initiator names, though RFC 3722 has no underscore. */
function iscsiName(value: string): string {
  const name = normalizeIscsiName(value);
  if (!isIscsiName(name.replaceAll('_', '-')))
    throw new LoginError(LoginStatus.INITIATOR_ERROR, 'malformed iSCSI name');
  return name;
}

function sessionType(value: string): boolean {
  if (value === 'Discovery') return true;
  if (value === 'Normal') return false;
  throw new LoginError(LoginStatus.SESSION_TYPE_NOT_SUPPORTED, `SessionType=${value}`);
}

function authMethod(value: string): string {
  if (parseList(value).includes('None')) return 'None';
  throw new LoginError(
    LoginStatus.AUTHENTICATION_FAILURE,
    `no authentication method of ${value} is configured`,
  );
}
