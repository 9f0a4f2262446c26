import { isIscsiName, LoginStatus, type AsyncMessagePdu } from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import { ChapAlgorithm, checkCredentials, DEFAULT_CHAP_ALGORITHMS, type ChapCredentials } from './chap.ts';
import { Connection } from './connection.ts';
import { InitiatorError } from './errors.ts';
import { FullFeature } from './full-feature.ts';
import { LoginPhase, type LoginOptions } from './login-phase.ts';
import { CommandWindow, Numbering } from './numbering.ts';
import type { ScsiResult } from './request.ts';
import {
  DEFAULT_INITIATOR_NAME,
  MAX_REDIRECTS,
  type SessionOptions,
  type SessionSeams,
} from './session-options.ts';
import type { Task } from './task.ts';
import { formatPortal, type Portal } from './transport.ts';

const log = createDebug('lunbox:iscsi-initiator:session');

/** What a link tells its session. */
export interface LinkEvents {
  /** Full feature phase has begun. */
  up(fullFeature: FullFeature): void;
  /** A session that was up is lost, or a try to get one failed. Tasks have been told before. */
  down(error: InitiatorError): void;
  taskEnded(task: Task, outcome: ScsiResult | InitiatorError): void;
  windowMoved(): void;
  asyncMessage(message: AsyncMessagePdu): void;
}

/**
 * Makes one connection at a time and logs in: follows redirects, and meets a target that calls SHA-1 what is
 * SHA-256. The ISID stays the same, so that each new session reinstates the last (RFC 7143 §6.3.5).
 */
export class SessionLink {
  /** Where the next try begins. A permanent move of the target changes it (RFC 7143 §11.13.5). */
  portal: Portal;
  targetName: string | undefined;
  readonly #options: SessionOptions;
  readonly #seams: SessionSeams;
  readonly #events: LinkEvents;
  readonly #isid: Uint8Array;
  #connection: Connection | undefined;
  #cancelTimer: (() => void) | undefined;
  #redirects = 0;
  #chosenAlgorithm = 0;
  #md5Only = false;

  /** @throws InitiatorError `INITIATOR_OPTIONS` when the initiator's name or the CHAP credentials are unusable. */
  constructor(options: SessionOptions, seams: SessionSeams, events: LinkEvents) {
    this.#options = options;
    this.#seams = seams;
    this.#events = events;
    this.portal = options.portal;
    this.targetName = options.targetName;
    checkName(options.initiatorName ?? DEFAULT_INITIATOR_NAME);
    if (options.chap !== undefined) checkCredentials(options.chap);
    // RFC 7143 §11.12.5: type 10b, "random", and 24 random bits; the qualifier is 0.
    this.#isid = Uint8Array.of(0x80, ...seams.random.bytes(3), 0, 0);
  }

  /** Tries once, redirects included. `up` or `down` follows. */
  open(): void {
    this.#redirects = 0;
    this.#dial(this.portal);
  }

  /** Ends what there is; `down` follows when there was something. */
  fail(error: InitiatorError): void {
    this.#connection?.fail(error);
  }

  #dial(portal: Portal): void {
    const { dial, clock } = this.#seams;
    log('connecting to %s', formatPortal(portal));
    const connection = new Connection({
      dial,
      portal,
      login: (made) => this.#newLogin(made),
      closed: (error) => this.#closed(error),
    });
    this.#connection = connection;
    const timeoutMs = this.#options.loginTimeoutMs ?? 15_000;
    this.#cancelTimer = clock.setTimer(timeoutMs, () => {
      connection.fail(new InitiatorError({ code: 'INITIATOR_TIMEOUT', operation: 'login', timeoutMs }));
    });
  }

  #newLogin(connection: Connection): LoginPhase {
    const numbering = new Numbering(new CommandWindow(1));
    const options = this.#loginOptions();
    const events = {
      algorithmChosen: (algorithm: number) => (this.#chosenAlgorithm = algorithm),
      loggedIn: (parameters: FullFeature['parameters']) => {
        this.#cancelTimer?.();
        const fullFeature = new FullFeature(connection, numbering, parameters, this.#events);
        connection.enter(fullFeature);
        this.#events.up(fullFeature);
      },
    };
    const { chapDigest, random } = this.#seams;
    return new LoginPhase(connection, numbering, options, events, { digest: chapDigest, random });
  }

  #loginOptions(): LoginOptions {
    const { initiatorName, chap, negotiation } = this.#options;
    return {
      initiatorName: initiatorName ?? DEFAULT_INITIATOR_NAME,
      isid: this.#isid,
      negotiation: negotiation ?? {},
      session: this.#sessionOffer(),
      ...(this.targetName === undefined ? {} : { targetName: this.targetName }),
      ...(chap === undefined ? {} : { chap: this.#md5Only ? md5Only(chap) : chap }),
    };
  }

  /** RFC 7143 §7.4.1: a discovery session has nothing to recover. */
  #sessionOffer(): LoginOptions['session'] {
    const { errorRecoveryLevel = 0, time2RetainS = 20 } = this.#options;
    const level = this.targetName === undefined ? 0 : errorRecoveryLevel;
    return { errorRecoveryLevel: level, maxConnections: 1, time2RetainS: level < 2 ? 0 : time2RetainS };
  }

  #closed(error: InitiatorError): void {
    this.#cancelTimer?.();
    this.#connection = undefined;
    if (error.detail.code === 'INITIATOR_TARGET_MOVED' && this.#redirects < MAX_REDIRECTS) {
      const { host, port, permanent } = error.detail;
      this.#redirects++;
      if (permanent) this.portal = { host, port };
      this.#dial({ host, port });
    } else if (this.#shouldTryMd5(error)) {
      log('the target may call SHA-1 algorithm 7; trying MD5');
      this.#md5Only = true;
      this.#dial(this.portal);
    } else {
      this.#events.down(error);
    }
  }

  /** T-L4: one known target says 7 and means SHA-1, so that our SHA-256 response is wrong for it. */
  #shouldTryMd5({ detail }: InitiatorError): boolean {
    const refused = detail.code === 'INITIATOR_LOGIN_REFUSED';
    const status = refused ? (detail.statusClass << 8) | detail.statusDetail : 0;
    const algorithms = this.#options.chap?.algorithms ?? DEFAULT_CHAP_ALGORITHMS;
    return (
      // The status is 0201h, or 0200h where the target only minds the length of the response.
      (status === LoginStatus.AUTHENTICATION_FAILURE || status === LoginStatus.INITIATOR_ERROR) &&
      this.#chosenAlgorithm === ChapAlgorithm.SHA256 &&
      !this.#md5Only &&
      algorithms.includes(ChapAlgorithm.MD5)
    );
  }
}

function md5Only(chap: ChapCredentials): ChapCredentials {
  return { ...chap, algorithms: [ChapAlgorithm.MD5] };
}

function checkName(name: string): void {
  if (isIscsiName(name)) return;
  throw new InitiatorError({ code: 'INITIATOR_OPTIONS', reason: `"${name}" is not an iSCSI name` });
}
