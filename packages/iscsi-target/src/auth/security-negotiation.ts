import { LoginStatus, parseList } from '@lunbox/iscsi-pdu';
import { LoginError } from '../login-error.ts';
import type { AccessEntry } from './access-entry.ts';
import { ChapExchange, type ChapChoices } from './chap-exchange.ts';

type Pairs = [string, string][];

/** What a login has to do with the outcome of its authentication. */
export interface AuthenticationWatch {
  /** True when so many attempts have failed that this one is not even looked at. */
  isLocked(): boolean;
  failed(): void;
  succeeded(): void;
}

/** What one login has to go through before it may use its target (RFC 7143 §12). */
export type SecurityDemand =
  | { readonly method: 'None'; readonly access: AccessEntry }
  | {
      readonly method: 'CHAP';
      readonly choices: ChapChoices;
      readonly watch: AuthenticationWatch;
      /** Told to an initiator that has proven who it is, instead of letting it in. */
      readonly refusal: LoginError | undefined;
    };

/** The security stage of one login: AuthMethod, and the exchange of the method. */
export class SecurityNegotiation {
  readonly #demand: SecurityDemand;
  #exchange: ChapExchange | undefined = undefined;

  constructor(demand: SecurityDemand) {
    this.#demand = demand;
  }

  /** What was granted; undefined until the initiator has proven who it is. */
  get granted(): AccessEntry | undefined {
    return this.#demand.method === 'None' ? this.#demand.access : this.#exchange?.proven;
  }

  /** True for AuthMethod and the keys that belong to a method. */
  static concerns(name: string): boolean {
    return name === 'AuthMethod' || name.startsWith('CHAP_');
  }

  /**
   * Answers the security keys of one request.
   *
   * @throws LoginError `AUTHENTICATION_FAILURE` when no method fits, or the initiator has not proven itself.
   */
  answer(pairs: Pairs): Pairs {
    const [first, ...rest] = pairs;
    if (first === undefined) return [];
    if (first[0] !== 'AuthMethod') return this.#continue(pairs);
    const method = this.#choose(first[1]);
    return [['AuthMethod', method], ...(rest.length > 0 ? this.#continue(rest) : [])];
  }

  /**
   * The initiator wants to leave the stage, or has never entered it. True when it may.
   *
   * @throws LoginError `AUTHENTICATION_FAILURE` when it has not even begun to authenticate.
   */
  mayLeave(): boolean {
    if (this.granted !== undefined) return true;
    // RFC 7143 §6.3.2: an initiator may skip the stage; a target that insists on it says so and closes.
    if (this.#exchange === undefined) throw failure('the initiator did not authenticate');
    return false;
  }

  #choose(offered: string): string {
    const { method } = this.#demand;
    if (!parseList(offered).includes(method)) {
      throw failure(`${method} is not among ${offered}`, [['AuthMethod', 'Reject']]);
    }
    if (this.#demand.method === 'CHAP') {
      if (this.#demand.watch.isLocked()) throw failure('locked out after too many failures');
      this.#exchange = new ChapExchange(this.#demand.choices);
    }
    return method;
  }

  #continue(pairs: Pairs): Pairs {
    if (this.#demand.method === 'None' || this.#exchange === undefined) {
      throw failure(`${pairs[0]?.[0] ?? ''} before CHAP was agreed on`);
    }
    const { watch, refusal } = this.#demand;
    if (watch.isLocked()) throw failure('locked out after too many failures');
    const answers = this.#take(this.#exchange, pairs, watch);
    if (this.#exchange.proven === undefined) return answers;
    watch.succeeded();
    if (refusal !== undefined) throw refusal;
    return answers;
  }

  #take(exchange: ChapExchange, pairs: Pairs, watch: AuthenticationWatch): Pairs {
    try {
      return exchange.take(new Map(pairs));
    } catch (error) {
      watch.failed();
      throw error;
    }
  }
}

/** @param keys - What RFC 7143 §6.3.2 wants to be answered besides. */
function failure(reason: string, keys: Pairs = []): LoginError {
  return new LoginError(LoginStatus.AUTHENTICATION_FAILURE, reason, keys);
}
