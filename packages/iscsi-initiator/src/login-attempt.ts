import { LoginStatus } from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import { ChapAlgorithm, DEFAULT_CHAP_ALGORITHMS, type ChapCredentials } from './chap.ts';
import { Connection } from './connection.ts';
import { InitiatorError } from './errors.ts';
import { FullFeature, type FullFeatureEvents } from './full-feature.ts';
import { LoginPhase, type LoginOptions } from './login-phase.ts';
import { Numbering, type CommandWindow } from './numbering.ts';
import type { SessionParameters } from './parameters.ts';
import type { SessionIdentity } from './session-identity.ts';
import { MAX_REDIRECTS, type SessionSeams } from './session-options.ts';
import { formatPortal, type Portal } from './transport.ts';

const log = createDebug('lunbox:iscsi-initiator:session');

/** The place of a connection in its session. */
export interface LoginPlace {
  readonly cid: number;
  /** 0 asks for a new session (RFC 7143 §6.3.1). */
  readonly tsih: number;
  readonly window: CommandWindow;
  /** What holds in the session that the connection joins; undefined for a new one. */
  readonly session: SessionParameters | undefined;
}

/** What a login needs, whichever it is. */
export interface LoginSurroundings {
  readonly identity: SessionIdentity;
  readonly seams: SessionSeams;
  readonly events: FullFeatureEvents;
  /** Makes an Initiator Task Tag that nothing else of the session has. */
  readonly newTag: () => number;
}

/** What a login tells who asked for it. */
export interface LoginOutcome {
  /** Full feature phase has begun. */
  up(fullFeature: FullFeature, tsih: number): void;
  /** The connection has ended, or never came about: `fullFeature` is undefined then. */
  down(error: InitiatorError, fullFeature: FullFeature | undefined): void;
}

/**
 * One connection from its login to its end: follows redirects, and meets a target that calls SHA-1 what is SHA-256.
 */
export class LoginAttempt {
  readonly #surroundings: LoginSurroundings;
  readonly #place: LoginPlace;
  readonly #outcome: LoginOutcome;
  readonly #portal: Portal;
  #connection: Connection | undefined;
  #fullFeature: FullFeature | undefined;
  #cancelTimer: (() => void) | undefined;
  #redirects = 0;
  #chosenAlgorithm = 0;

  constructor(surroundings: LoginSurroundings, portal: Portal, place: LoginPlace, outcome: LoginOutcome) {
    this.#surroundings = surroundings;
    this.#place = place;
    this.#outcome = outcome;
    this.#portal = portal;
    this.#dial(portal);
  }

  /** Ends the connection; `down` follows. */
  fail(error: InitiatorError): void {
    this.#connection?.fail(error);
  }

  #dial(portal: Portal): void {
    const { identity, seams } = this.#surroundings;
    log('connecting to %s', formatPortal(portal));
    const connection = new Connection({
      dial: seams.dial,
      portal,
      login: (made) => this.#newLogin(made),
      closed: (error) => this.#closed(error),
    });
    this.#connection = connection;
    const timeoutMs = identity.options.loginTimeoutMs ?? 15_000;
    this.#cancelTimer = seams.clock.setTimer(timeoutMs, () => {
      connection.fail(new InitiatorError({ code: 'INITIATOR_TIMEOUT', operation: 'login', timeoutMs }));
    });
  }

  #newLogin(connection: Connection): LoginPhase {
    const { identity, seams, events, newTag } = this.#surroundings;
    const { window, cid } = this.#place;
    const numbering = new Numbering(window);
    const loginEvents = {
      algorithmChosen: (algorithm: number) => (this.#chosenAlgorithm = algorithm),
      loggedIn: (parameters: SessionParameters, tsih: number) => {
        this.#cancelTimer?.();
        const { options } = identity;
        const { clock } = seams;
        const parts = { connection, cid, numbering, parameters, events, newTag, options, clock };
        this.#fullFeature = new FullFeature(parts);
        connection.enter(this.#fullFeature);
        this.#outcome.up(this.#fullFeature, tsih);
      },
    };
    const { chapDigest, random } = seams;
    const chapSeams = { digest: chapDigest, random };
    return new LoginPhase(connection, numbering, this.#loginOptions(), loginEvents, chapSeams);
  }

  #loginOptions(): LoginOptions {
    const { identity } = this.#surroundings;
    const { chap } = identity.options;
    const { targetName, initiatorName, isid, md5Only, offer, negotiation } = identity;
    const { cid, tsih, session } = this.#place;
    return {
      initiatorName,
      isid,
      tsih,
      cid,
      negotiation,
      offer,
      ...(session === undefined ? {} : { session }),
      ...(targetName === undefined ? {} : { targetName }),
      ...(chap === undefined ? {} : { chap: md5Only ? onlyMd5(chap) : chap }),
    };
  }

  #closed(error: InitiatorError): void {
    const { identity } = this.#surroundings;
    this.#cancelTimer?.();
    this.#connection = undefined;
    if (error.detail.code === 'INITIATOR_TARGET_MOVED' && this.#redirects < MAX_REDIRECTS) {
      const { host, port, permanent } = error.detail;
      this.#redirects++;
      if (permanent) identity.portal = { host, port };
      this.#dial({ host, port });
    } else if (this.#shouldTryMd5(error)) {
      log('the target may call SHA-1 algorithm 7; trying MD5');
      identity.md5Only = true;
      this.#dial(this.#portal);
    } else {
      this.#outcome.down(error, this.#fullFeature);
    }
  }

  /** T-L4: one known target says 7 and means SHA-1, so that our SHA-256 response is wrong for it. */
  #shouldTryMd5({ detail }: InitiatorError): boolean {
    const { identity } = this.#surroundings;
    const refused = detail.code === 'INITIATOR_LOGIN_REFUSED';
    const status = refused ? (detail.statusClass << 8) | detail.statusDetail : 0;
    const algorithms = identity.options.chap?.algorithms ?? DEFAULT_CHAP_ALGORITHMS;
    return (
      // The status is 0201h, or 0200h where the target only minds the length of the response.
      (status === LoginStatus.AUTHENTICATION_FAILURE || status === LoginStatus.INITIATOR_ERROR) &&
      this.#chosenAlgorithm === ChapAlgorithm.SHA256 &&
      !identity.md5Only &&
      algorithms.includes(ChapAlgorithm.MD5)
    );
  }
}

function onlyMd5(chap: ChapCredentials): ChapCredentials {
  return { ...chap, algorithms: [ChapAlgorithm.MD5] };
}
