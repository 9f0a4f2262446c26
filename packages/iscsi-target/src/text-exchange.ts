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
import { negotiateParameter, type OperationalParameters } from './parameters.ts';
import { sendTargets, type SendTargetsContext } from './send-targets.ts';
import type { Session } from './session.ts';

/** Tag of a text exchange that is not over; there is one at a time. */
const EXCHANGE_TAG = 1;

/** Text requests of full feature phase: SendTargets and renegotiation (RFC 7143 §6.4, §11.10). */
export class TextExchange {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #parameters: OperationalParameters;
  readonly #context: () => SendTargetsContext;
  readonly #text: TextAssembler;
  #initiatorTaskTag: number | undefined = undefined;
  #segments: Uint8Array[] = [];

  constructor(
    connection: Connection,
    session: Session,
    parameters: OperationalParameters,
    context: () => SendTargetsContext,
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#parameters = parameters;
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
    let pairs: [string, string][] | undefined;
    try {
      pairs = this.#text.push(request.data, request.continue);
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      this.#reset(undefined);
      return RejectReason.PROTOCOL_ERROR;
    }
    if (pairs === undefined) return this.#respond(request, new Uint8Array(0), false, false);
    this.#segments = splitText(encodeText(this.#answer(pairs)), this.#parameters.sendSegmentBytes);
    return this.#sendNext(request);
  }

  #reset(initiatorTaskTag: number | undefined): void {
    // A text of which more was announced is dropped with its exchange.
    if (this.#text.length > 0) this.#text.push(new Uint8Array(0), false);
    this.#segments = [];
    this.#initiatorTaskTag = initiatorTaskTag;
  }

  #sendNext(request: TextRequestPdu): undefined {
    const segment = this.#segments.shift() as Uint8Array;
    const more = this.#segments.length > 0;
    this.#respond(request, segment, !more && request.final, more);
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

  #answer(pairs: [string, string][]): [string, string][] {
    return pairs.flatMap(([name, value]) => {
      if (name === 'SendTargets')
        return sendTargets(value, this.#context()) ?? [[name, 'Reject'] as [string, string]];
      const context = {
        stage: 'full-feature',
        discovery: this.#session.identity.targetName === undefined,
      } as const;
      const text = negotiateParameter(this.#parameters, this.#connection.owner.limits, context, name, value);
      return text === undefined ? [] : [[name, text] as [string, string]];
    });
  }
}
