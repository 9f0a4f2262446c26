import { LoginStatus } from '@lunbox/iscsi-pdu';
import { callHook, type LoginAttempt, type Redirect, type TargetHooks } from './hooks.ts';
import { LoginError } from './login-error.ts';
import type { LoginNames } from './login-negotiation.ts';
import { PORTAL_GROUP_TAG } from './target.ts';
import type { Transport } from './transport.ts';

/** Before anything else is asked about a login: is the house open, is it to go elsewhere, may it come in at all? */
export class LoginGate {
  readonly #hooks: TargetHooks;
  #shut = false;
  #elsewhere: Redirect | undefined = undefined;

  constructor(hooks: TargetHooks) {
    this.#hooks = hooks;
  }

  /** From now on logins are sent to `redirectTo`, or refused with "service unavailable" without it. */
  shut(redirectTo?: string): void {
    this.#shut = true;
    this.#elsewhere = redirectTo === undefined ? undefined : { address: redirectTo };
  }

  /** Logins are taken again. */
  open(): void {
    this.#shut = false;
    this.#elsewhere = undefined;
  }

  /** @throws LoginError when the login goes no further. */
  check(transport: Transport, names: LoginNames): void {
    const login = loginAttempt(transport, names);
    if (this.#shut) this.#turnAway(login);
    const redirected = callHook(() => this.#redirected(login), failedHook());
    if (redirected !== undefined) throw redirected;
    const { peerNames } = transport;
    if (peerNames !== undefined && !peerNames.includes(login.initiatorName)) {
      throw new LoginError(LoginStatus.AUTHENTICATION_FAILURE, 'the certificate names another initiator');
    }
    if (!callHook(() => this.#authorised(login), false)) {
      throw new LoginError(LoginStatus.AUTHORIZATION_FAILURE, 'refused by the authorise hook');
    }
  }

  /** A login was answered with a status other than success. */
  refused(transport: Transport, names: LoginNames, status: number): void {
    callHook(() => this.#hooks.onLoginRefused?.(loginAttempt(transport, names), status), undefined);
  }

  #redirected(login: LoginAttempt): LoginError | undefined {
    const redirect = this.#hooks.redirect?.(login);
    return redirect === undefined ? undefined : moved(redirect);
  }

  /** Nothing but `true` lets in: a hook that is mistakenly asynchronous must not. */
  #authorised(login: LoginAttempt): boolean {
    const hooks = this.#hooks;
    return hooks.authorise === undefined || hooks.authorise(login) === true;
  }

  /** A discovery session asks about no target, so that there is nothing that could have moved. */
  #turnAway(login: LoginAttempt): never {
    if (this.#elsewhere !== undefined && login.targetName !== undefined) throw moved(this.#elsewhere);
    throw new LoginError(LoginStatus.SERVICE_UNAVAILABLE, 'no logins at present');
  }
}

function loginAttempt(transport: Transport, names: LoginNames): LoginAttempt {
  return {
    initiatorName: names.initiatorName ?? '',
    targetName: names.discovery ? undefined : names.targetName,
    local: transport.local,
    remote: transport.remote,
    portalGroupTag: transport.portal?.tag ?? PORTAL_GROUP_TAG,
  };
}

function failedHook(): LoginError {
  return new LoginError(LoginStatus.TARGET_ERROR, 'the redirect hook failed');
}

function moved({ address, permanent = false }: Redirect): LoginError {
  const status = permanent ? LoginStatus.TARGET_MOVED_PERMANENTLY : LoginStatus.TARGET_MOVED_TEMPORARILY;
  // RFC 7143 §13.8: in a redirection the portal group tag must be left out.
  return new LoginError(status, `moved to ${address}`, [['TargetAddress', address.replace(/,\d*$/, '')]]);
}
