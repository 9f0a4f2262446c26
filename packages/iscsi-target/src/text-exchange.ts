import {
  NO_TTT,
  PduError,
  RejectReason,
  TextAssembler,
  encodeText,
  splitText,
  type TextRequestPdu,
} from '@lunbox/iscsi-pdu';
import type { Connection } from './connection.ts';
import { isAnswerOnly, negotiateParameter, type OperationalParameters } from './parameters.ts';
import { sendTargets, type SendTargetsContext } from './send-targets.ts';
import type { Session } from './session.ts';

/** Tag of a text exchange that is not over; there is one at a time. */
const EXCHANGE_TAG = 1;

type Pairs = [string, string][];

/** Text requests of full feature phase: SendTargets and renegotiation (RFC 7143 §6.4, §11.10). */
export class TextExchange {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #parameters: OperationalParameters;
  readonly #context: () => SendTargetsContext;
  readonly #text: TextAssembler;
  #initiatorTaskTag: number | undefined = undefined;
  #segments: Uint8Array[] = [];
  /** Keys that the exchange has brought: none may come twice (RFC 7143 §6.4). */
  readonly #seen = new Set<string>();
  /** What the exchange has come to so far; in force when it is over (RFC 7143 §6.4). */
  #agreed: OperationalParameters;

  constructor(
    connection: Connection,
    session: Session,
    parameters: OperationalParameters,
    context: () => SendTargetsContext,
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#parameters = parameters;
    this.#agreed = { ...parameters };
    this.#context = context;
    this.#text = new TextAssembler(connection.owner.limits.maxTextBytes);
  }

  /** Takes a request and answers it. Returns a {@link RejectReason} instead when it breaks the rules. */
  take(request: TextRequestPdu): number | undefined {
    const goesOn = request.targetTransferTag !== NO_TTT;
    const mine = goesOn && request.initiatorTaskTag === this.#initiatorTaskTag;
    if (goesOn && !mine) return RejectReason.INVALID_PDU_FIELD;
    // RFC 7143 §11.10.4: a request without a tag starts a new exchange, and ends the one before.
    if (!goesOn) this.#reset(request.initiatorTaskTag);
    if (goesOn && this.#segments.length > 0) return this.#sendNext(request);
    // RFC 7143 §6.2: what goes on is not final.
    if (request.continue && request.final) return this.#abandon();
    const pairs = this.#assemble(request);
    if (pairs === 'malformed') return this.#abandon();
    if (pairs === undefined) return this.#respond(request, new Uint8Array(0), false, false);
    if (!this.#acceptable(request, pairs)) return this.#abandon();
    this.#segments = splitText(encodeText(this.#answer(pairs)), this.#parameters.sendSegmentBytes);
    return this.#sendNext(request);
  }

  #assemble(request: TextRequestPdu): Pairs | undefined | 'malformed' {
    try {
      return this.#text.push(request.data, request.continue);
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      return 'malformed';
    }
  }

  /** RFC 7143 §6.4: a key twice is a protocol error; §6.2: so is an answer without a proposal. */
  #acceptable(request: TextRequestPdu, pairs: Pairs): boolean {
    // RFC 7143 §4.3: a discovery session asks for targets, and for nothing else.
    const starts = request.targetTransferTag === NO_TTT;
    if (this.#isDiscovery && starts && !pairs.some(([name]) => name === 'SendTargets')) return false;
    for (const [name, value] of pairs) {
      if (this.#seen.has(name) || isAnswerOnly(value)) return false;
      this.#seen.add(name);
    }
    return true;
  }

  get #isDiscovery(): boolean {
    return this.#session.identity.targetName === undefined;
  }

  /** RFC 7143 §7.12 b): the negotiation has failed, and nothing of it takes effect. */
  #abandon(): number {
    this.#reset(undefined);
    return RejectReason.PROTOCOL_ERROR;
  }

  /** True when the tag is that of an exchange that goes on. */
  holds(initiatorTaskTag: number): boolean {
    return this.#initiatorTaskTag === initiatorTaskTag;
  }

  #reset(initiatorTaskTag: number | undefined): void {
    // A text of which more was announced is dropped with its exchange.
    if (this.#text.length > 0) this.#text.push(new Uint8Array(0), false);
    this.#segments = [];
    this.#seen.clear();
    this.#agreed = { ...this.#parameters };
    this.#initiatorTaskTag = initiatorTaskTag;
  }

  #sendNext(request: TextRequestPdu): undefined {
    const segment = this.#segments.shift() as Uint8Array;
    const more = this.#segments.length > 0;
    const final = !more && request.final;
    this.#respond(request, segment, final, more);
    if (!final) return;
    Object.assign(this.#parameters, this.#agreed);
    this.#reset(undefined);
  }

  #respond(request: TextRequestPdu, data: Uint8Array, final: boolean, more: boolean): undefined {
    this.#connection.send({
      type: 'text-response',
      final,
      continue: more,
      lun: request.lun,
      initiatorTaskTag: request.initiatorTaskTag,
      targetTransferTag: final ? NO_TTT : EXCHANGE_TAG,
      data,
      ...this.#connection.numbers(),
    });
  }

  #answer(pairs: Pairs): Pairs {
    const context = { stage: 'full-feature', discovery: this.#isDiscovery, leading: false } as const;
    return pairs.flatMap(([name, value]): Pairs => {
      if (name === 'SendTargets') return sendTargets(value, this.#context()) ?? [[name, 'Reject']];
      const { limits } = this.#connection.owner;
      const text = negotiateParameter(this.#agreed, limits, context, name, value);
      return text === undefined ? [] : [[name, text]];
    });
  }
}
