import { LoginStatus, isIscsiName, normalizeIscsiName } from '@lunbox/iscsi-pdu';
import { SecurityNegotiation } from './auth/security-negotiation.ts';
import type { TargetLimits } from './limits.ts';
import { LoginError } from './login-error.ts';
import {
  defaultParameters,
  inDependencyOrder,
  isAnswerOnly,
  negotiateParameter,
  type OperationalParameters,
} from './parameters.ts';

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
  #namesSettled = false;

  constructor(limits: TargetLimits) {
    this.#limits = limits;
  }

  /** The names have been judged: from now on they may be repeated, and nothing may be added to them. */
  settleNames(): void {
    this.#namesSettled = true;
  }

  /** Takes the declarations out of a request's text; the rest can only be answered once it is known who asks. */
  declare(pairs: Pairs): Pairs {
    const rest: Pairs = [];
    for (const [name, value] of pairs) {
      const take = NAME_KEYS[name];
      if (take === undefined) rest.push([name, value]);
      else if (this.#isNews(name, value)) {
        // RFC 7143 §13.4, §13.5, §13.21: names and session type belong into the first request.
        if (this.#namesSettled && name !== 'InitiatorAlias') {
          throw new LoginError(LoginStatus.INITIATOR_ERROR, `${name} after the first request`);
        }
        take(this.names, value);
      }
    }
    return rest;
  }

  /**
   * Answers the other keys of a request. `leading` says that the login is the first of its session.
   *
   * @throws LoginError when a key is offered twice (RFC 7143 §6.3) or with a value that is only an answer (§6.2), or
   *   authentication fails.
   */
  answer(
    pairs: Pairs,
    stage: 'security' | 'operational',
    security: SecurityNegotiation,
    leading: boolean,
  ): Pairs {
    for (const [name, value] of pairs) this.#checkOffer(name, value);
    const forSecurity = pairs.filter(([name]) => stage === 'security' && SecurityNegotiation.concerns(name));
    const answers = security.answer(forSecurity);
    const context = { stage, discovery: this.names.discovery, leading };
    for (const [name, value] of inDependencyOrder(pairs.filter((pair) => !forSecurity.includes(pair)))) {
      const text = negotiateParameter(this.parameters, this.#limits, context, name, value);
      if (text !== undefined) answers.push([name, text]);
    }
    return answers;
  }

  /** A declaration may be repeated, as some initiators do (T-L5), but not changed. */
  #isNews(name: string, value: string): boolean {
    const before = this.#seen.get(name);
    this.#seen.set(name, value);
    if (before !== undefined && before !== value) throw renegotiated(name);
    return before === undefined;
  }

  #checkOffer(name: string, value: string): void {
    if (this.#seen.has(name)) throw renegotiated(name);
    this.#seen.set(name, value);
    if (isAnswerOnly(value)) {
      throw new LoginError(LoginStatus.INITIATOR_ERROR, `${name}=${value} is no proposal`);
    }
  }
}

/** RFC 7143 §6.3: whoever offers a key again is refused. */
function renegotiated(name: string): LoginError {
  return new LoginError(LoginStatus.INITIATOR_ERROR, `${name} offered twice`);
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
