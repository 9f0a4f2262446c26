import { TextAssembler, type LoginRequestPdu, type LoginResponsePdu } from '@lunbox/iscsi-pdu';

/** What a login has agreed on, by the text on the wire alone. Lengths in bytes. */
export interface WireParameters {
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
  readonly initialR2t: boolean;
  readonly immediateData: boolean;
  readonly maxBurstBytes: number;
  readonly firstBurstBytes: number;
  readonly maxOutstandingR2t: number;
  readonly maxConnections: number;
  readonly errorRecoveryLevel: number;
  readonly taskReporting: string;
  /** What each side takes. */
  readonly targetSegmentBytes: number;
  readonly initiatorSegmentBytes: number;
}

/** Reads the negotiation of one login: the target answers, so its values hold (RFC 7143 §6.2). */
export class LoginWatch {
  isid = '';
  cid = 0;
  tsih = 0;
  firstCmdSn = 0;
  readonly #requested = new Map<string, string>();
  readonly #answered = new Map<string, string>();
  readonly #requests = new TextAssembler();
  readonly #responses = new TextAssembler();

  request(pdu: LoginRequestPdu): void {
    this.isid = Array.from(pdu.isid, (byte) => byte.toString(16)).join('-');
    this.cid = pdu.cid;
    this.tsih = pdu.tsih;
    this.firstCmdSn = pdu.cmdSn;
    const pairs = this.#requests.push(pdu.data.slice(), pdu.continue) ?? [];
    for (const [name, value] of pairs) this.#requested.set(name, value);
  }

  response(pdu: LoginResponsePdu): void {
    const pairs = this.#responses.push(pdu.data.slice(), pdu.continue) ?? [];
    for (const [name, value] of pairs) this.#answered.set(name, value);
  }

  /** Name of the initiator port: RFC 7143 §4.4.3, name and ISID. */
  get initiatorPort(): string {
    return `${this.#requested.get('InitiatorName') ?? ''},${this.isid}`;
  }

  /** What holds from here on; the defaults are those of RFC 7143 §13. */
  parameters(): WireParameters {
    const answer = (name: string, byDefault: string): string => {
      const value = this.#answered.get(name) ?? byDefault;
      return ['Reject', 'Irrelevant', 'NotUnderstood'].includes(value) ? byDefault : value;
    };
    const maxBurstBytes = Number(answer('MaxBurstLength', '262144'));
    return {
      headerDigest: answer('HeaderDigest', 'None') === 'CRC32C',
      dataDigest: answer('DataDigest', 'None') === 'CRC32C',
      initialR2t: answer('InitialR2T', 'Yes') === 'Yes',
      immediateData: answer('ImmediateData', 'Yes') === 'Yes',
      maxBurstBytes,
      firstBurstBytes: Math.min(Number(answer('FirstBurstLength', '65536')), maxBurstBytes),
      maxOutstandingR2t: Number(answer('MaxOutstandingR2T', '1')),
      maxConnections: Number(answer('MaxConnections', '1')),
      errorRecoveryLevel: Number(answer('ErrorRecoveryLevel', '0')),
      taskReporting: answer('TaskReporting', 'RFC3720'),
      targetSegmentBytes: Number(answer('MaxRecvDataSegmentLength', '8192')),
      initiatorSegmentBytes: Number(this.#requested.get('MaxRecvDataSegmentLength') ?? '8192'),
    };
  }
}
