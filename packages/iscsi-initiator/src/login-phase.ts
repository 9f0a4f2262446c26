import {
  decodePdu,
  encodeText,
  Keys,
  LoginStage,
  LoginStatus,
  TextAssembler,
  type FrameHeader,
  type LoginResponsePdu,
} from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import { ChapExchange, DEFAULT_CHAP_ALGORITHMS, type ChapCredentials, type ChapSeams } from './chap.ts';
import { headerBytes, type Connection, type Phase } from './connection.ts';
import { InitiatorError, protocolError } from './errors.ts';
import type { Numbering } from './numbering.ts';
import {
  agreedParameters,
  answerProposal,
  connectionOffer,
  joinedParameters,
  operationalOffer,
  type NegotiationOptions,
  type SessionOffer,
  type SessionParameters,
} from './parameters.ts';
import { parsePortal } from './transport.ts';

const log = createDebug('lunbox:iscsi-initiator:login');

/** A login that has not come to an end after so many responses never will. */
const MAX_RESPONSES = 32;
const NONE: readonly [string, string][] = [];

/** Who logs in, and to what. */
export interface LoginOptions {
  readonly initiatorName: string;
  /** Left out: a discovery session. */
  readonly targetName?: string;
  /** 6 bytes (RFC 7143 §11.12.5); the same again reinstates the session. */
  readonly isid: Uint8Array;
  /** 0 asks for a new session (RFC 7143 §11.12.6). */
  readonly tsih: number;
  readonly cid: number;
  readonly chap?: ChapCredentials;
  readonly negotiation: NegotiationOptions;
  /** What goes for the session as a whole. */
  readonly offer: SessionOffer;
  /** What holds in the session that the connection joins. */
  readonly session?: SessionParameters;
}

/** Told by a login. */
export interface LoginEvents {
  /** Full feature phase begins with this call; `tsih` is the target's handle of the session. */
  loggedIn(parameters: SessionParameters, tsih: number): void;
  /** The target chose this CHAP algorithm. */
  algorithmChosen(algorithm: number): void;
}

/**
 * The login of a connection (RFC 7143 §6.3), which leads a session or joins one: first the security stage, then the
 * operational one.
 */
export class LoginPhase implements Phase {
  readonly #connection: Connection;
  readonly #numbering: Numbering;
  readonly #options: LoginOptions;
  readonly #events: LoginEvents;
  readonly #chap: ChapExchange | undefined;
  readonly #text = new TextAssembler();
  readonly #offer: Map<string, string>;
  /** What the target has said about operational keys, and the text keys that it declares. */
  readonly #answers = new Map<string, string>();
  /** Everything that the target has said. */
  readonly #heard = new Map<string, string>();
  #csg: number = LoginStage.SECURITY_NEGOTIATION;
  #awaiting: 'method' | 'challenge' | 'proof' | 'transit' = 'method';
  #responses = 0;

  constructor(
    connection: Connection,
    numbering: Numbering,
    options: LoginOptions,
    events: LoginEvents,
    seams: ChapSeams,
  ) {
    this.#connection = connection;
    this.#numbering = numbering;
    this.#options = options;
    this.#events = events;
    const { chap } = options;
    const algorithms = chap?.algorithms ?? DEFAULT_CHAP_ALGORITHMS;
    this.#chap = chap === undefined ? undefined : new ChapExchange(chap, algorithms, seams);
    const { negotiation, offer, session } = options;
    this.#offer = session === undefined ? operationalOffer(negotiation, offer) : connectionOffer(negotiation);
  }

  start(): void {
    const { initiatorName, targetName, chap, session } = this.#options;
    const pairs: [string, string][] = [['InitiatorName', initiatorName]];
    // RFC 7143 §13.21: only the leading login tells the type of the session.
    if (session === undefined) pairs.push(['SessionType', targetName === undefined ? 'Discovery' : 'Normal']);
    if (targetName !== undefined) pairs.push(['TargetName', targetName]);
    // A target that is to prove itself must not be let off by choosing None.
    const methods = chap === undefined ? 'None' : chap.mutual === undefined ? 'CHAP,None' : 'CHAP';
    pairs.push(['AuthMethod', methods]);
    this.#send(pairs, this.#chap === undefined);
  }

  onHeader(): undefined {
    return undefined;
  }

  onPdu(header: FrameHeader, data: Uint8Array): void {
    const pdu = decodePdu(headerBytes(header), data);
    if (pdu.type !== 'login-response') throw protocolError(`${pdu.type} during the login`);
    if (++this.#responses > MAX_RESPONSES) throw protocolError('the login does not come to an end');
    const status = (pdu.statusClass << 8) | pdu.statusDetail;
    // RFC 7143 §11.13.4: StatSN is only valid with status class 0.
    if (status !== LoginStatus.SUCCESS) throw refusal(status, new Map(this.#text.push(data, false)));
    if (this.#responses === 1) this.#numbering.expStatSn = pdu.statSn;
    if (!this.#numbering.acknowledge(pdu.statSn)) throw protocolError('a login response is missing');
    const pairs = this.#text.push(data, pdu.continue);
    if (pairs === undefined) this.#send(NONE, false);
    else this.#answer(pdu, this.#once(pairs));
  }

  closed(): void {
    // Nothing waits for a login but its connection's owner, who hears of the end by itself.
  }

  /** RFC 7143 §6.3: whoever negotiates a key again is dropped. A mere repetition of a declaration is none. */
  #once(pairs: readonly (readonly [string, string])[]): Map<string, string> {
    for (const [name, value] of pairs) {
      const before = this.#heard.get(name);
      if (before !== undefined && !(isDeclared(name) && before === value))
        throw protocolError(`${name} twice`);
      this.#heard.set(name, value);
    }
    return new Map(pairs);
  }

  #answer(pdu: LoginResponsePdu, pairs: Map<string, string>): void {
    if (pdu.csg !== this.#csg) throw protocolError(`a response for stage ${pdu.csg} in stage ${this.#csg}`);
    if (this.#csg === LoginStage.SECURITY_NEGOTIATION) this.#secure(pdu, pairs);
    else this.#negotiate(pdu, pairs);
  }

  #secure(pdu: LoginResponsePdu, pairs: Map<string, string>): void {
    for (const [name, value] of pairs) if (isDeclared(name)) this.#answers.set(name, value);
    switch (this.#awaiting) {
      case 'method':
        this.#chooseMethod(pdu, pairs.get('AuthMethod'));
        break;
      case 'challenge': {
        const chap = this.#chap as ChapExchange;
        const response = chap.respond(pairs);
        this.#events.algorithmChosen(chap.chosenAlgorithm);
        this.#awaiting = 'proof';
        this.#send(response, true);
        break;
      }
      case 'proof':
        this.#chap?.verify(pairs);
        this.#awaiting = 'transit';
        this.#transitOrAsk(pdu);
        break;
      case 'transit':
        this.#transitOrAsk(pdu);
        break;
    }
  }

  #chooseMethod(pdu: LoginResponsePdu, method: string | undefined): void {
    if (method === 'CHAP' && this.#chap !== undefined) {
      this.#awaiting = 'challenge';
      this.#send(this.#chap.offer(), false);
      return;
    }
    const mutual = this.#options.chap?.mutual !== undefined;
    if (mutual || (method ?? 'None') !== 'None') {
      const reason = `the target chose AuthMethod ${method ?? 'none at all'}`;
      throw new InitiatorError({ code: 'INITIATOR_AUTHENTICATION', reason });
    }
    this.#awaiting = 'transit';
    this.#transitOrAsk(pdu);
  }

  #transitOrAsk(pdu: LoginResponsePdu): void {
    if (!pdu.transit) {
      this.#send(NONE, true);
      return;
    }
    if (pdu.nsg !== LoginStage.OPERATIONAL_NEGOTIATION) throw protocolError(`transit to stage ${pdu.nsg}`);
    this.#csg = LoginStage.OPERATIONAL_NEGOTIATION;
    this.#send([...this.#offer], true);
  }

  #negotiate(pdu: LoginResponsePdu, pairs: Map<string, string>): void {
    const replies: [string, string][] = [];
    for (const [name, value] of pairs) {
      if (this.#offer.has(name) || isDeclared(name)) this.#answers.set(name, value);
      else {
        const reply = answerProposal(name, value);
        if (reply !== undefined) replies.push([name, reply]);
      }
    }
    const done = pdu.transit && pdu.nsg === LoginStage.FULL_FEATURE_PHASE;
    if (done && replies.length === 0) this.#finish(pdu);
    else if (done) throw protocolError('the target proposed keys and ended the negotiation in one response');
    else this.#send(replies, true);
  }

  /** Before this response a target may not know which session's window to tell of. */
  #finish({ tsih, expCmdSn, maxCmdSn }: LoginResponsePdu): void {
    this.#numbering.window.update(expCmdSn, maxCmdSn);
    const { session } = this.#options;
    const parameters =
      session === undefined
        ? agreedParameters(this.#offer, this.#answers)
        : joinedParameters(session, this.#offer, this.#answers);
    log('logged in to %s: %o', this.#options.targetName ?? 'discovery', parameters);
    this.#events.loggedIn(parameters, tsih);
  }

  #send(pairs: readonly (readonly [string, string])[], transit: boolean): void {
    const operational = this.#csg === LoginStage.OPERATIONAL_NEGOTIATION;
    const nsg = operational ? LoginStage.FULL_FEATURE_PHASE : LoginStage.OPERATIONAL_NEGOTIATION;
    this.#connection.outbox.send({
      type: 'login-request',
      transit,
      continue: false,
      csg: this.#csg,
      nsg: transit ? nsg : 0,
      versionMax: 0,
      versionMin: 0,
      isid: this.#options.isid,
      tsih: this.#options.tsih,
      initiatorTaskTag: 0,
      cid: this.#options.cid,
      // Login requests are immediate: the first command has this CmdSN again (RFC 7143 §11.12.8).
      cmdSn: this.#numbering.window.cmdSn,
      expStatSn: this.#numbering.expStatSn,
      data: encodeText(pairs),
    });
  }
}

/** Keys that a target tells in any stage, without being asked. */
function isDeclared(name: string): boolean {
  const kind = Keys.get(name)?.kind;
  return kind === 'declarative' || kind === 'numeric-declarative';
}

function refusal(status: number, pairs: Map<string, string>): InitiatorError {
  const moved =
    status === LoginStatus.TARGET_MOVED_TEMPORARILY || status === LoginStatus.TARGET_MOVED_PERMANENTLY;
  const portal = parsePortal(pairs.get('TargetAddress') ?? '');
  if (moved && portal !== undefined) {
    const permanent = status === LoginStatus.TARGET_MOVED_PERMANENTLY;
    return new InitiatorError({ code: 'INITIATOR_TARGET_MOVED', ...portal, permanent });
  }
  const detail = { statusClass: status >> 8, statusDetail: status & 0xff };
  return new InitiatorError({ code: 'INITIATOR_LOGIN_REFUSED', ...detail });
}
