import type { LoginAttempt, Redirect } from '@lunbox/iscsi-target';

/** Whose new logins go where. */
export interface RedirectRule {
  /** `host:port` */
  readonly address: string;
  /** The initiator may remember the new address. */
  readonly permanent: boolean;
  /** Only this initiator, in lower case; everybody when left out. */
  readonly initiator?: string;
  /** Only logins at portals of this group. */
  readonly portalGroup?: number;
  /** Only while this server has that many sessions, or more. */
  readonly sessions?: number;
}

/** The rules of a server that runs; the latest that fits a login decides. */
export class Redirects {
  readonly #sessionCount: () => number;
  #rules: readonly RedirectRule[] = [];

  /** @param sessionCount - how many sessions there are now. */
  constructor(sessionCount: () => number) {
    this.#sessionCount = sessionCount;
  }

  /** The rules in force, the latest first. */
  get rules(): readonly RedirectRule[] {
    return this.#rules;
  }

  /** Adds a rule in front, in place of one for the same logins. */
  add(rule: RedirectRule): void {
    const others = this.#rules.filter(
      ({ initiator, portalGroup }) => initiator !== rule.initiator || portalGroup !== rule.portalGroup,
    );
    this.#rules = [rule, ...others];
  }

  /** Redirects nobody any more. */
  clear(): void {
    this.#rules = [];
  }

  /** Where a login is sent. Discovery goes on here: it is not part of what moved. */
  find({ initiatorName, targetName, portalGroupTag }: LoginAttempt): Redirect | undefined {
    if (targetName === undefined) return undefined;
    return this.#rules.find(
      ({ initiator = initiatorName, portalGroup = portalGroupTag, sessions = 0 }) =>
        initiator === initiatorName && portalGroup === portalGroupTag && this.#sessionCount() >= sessions,
    );
  }
}
