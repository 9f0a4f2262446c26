import {
  NO_TTT,
  type DataInPdu,
  type DataOutPdu,
  type R2tPdu,
  type ScsiCommandPdu,
  type ScsiResponsePdu,
} from '@lunbox/iscsi-pdu';
import type { WireParameters } from './login-watch.ts';

/** A sequence of Data-Out PDUs: the unsolicited one, or the answer to an R2T. */
interface Sequence {
  readonly offset: number;
  readonly lengthBytes: number;
  sentBytes: number;
  nextDataSn: number;
  sent: boolean;
}

/** One command on the wire, held against the laws of data transfer (RFC 7143 §4.2.2.4, §4.2.5, §11.7, §11.8). */
export class TaskWatch {
  readonly command: ScsiCommandPdu;
  /** Number of the link that carries it. */
  link: number;
  delivered = false;
  /** Its status, or the answer of what aborted it, has been sent: nothing more may come. */
  over = false;
  /** What was sent up to then may come although it is over. */
  lateUntilMs = -Infinity;
  /** It goes on by another connection: what is sent again may be cut and numbered anew. */
  reassigned = false;
  readonly #parameters: WireParameters;
  readonly #complain: (what: string) => void;
  readonly #sequences = new Map<number, Sequence>();
  #numbered = 0;
  /** Where the PDUs with each DataSN or R2TSN began; from ErrorRecoveryLevel 1 on they may be sent again. */
  readonly #offsets: number[] = [];
  #receivedBytes = 0;
  #burstBytes = 0;
  #solicitedEnd: number;
  #outstandingR2ts = 0;
  #arrivedBytes = 0;

  constructor(
    command: ScsiCommandPdu,
    link: number,
    parameters: WireParameters,
    complain: (what: string) => void,
  ) {
    this.command = command;
    this.link = link;
    this.#parameters = parameters;
    this.#complain = (what) => complain(`${what}, task ${command.initiatorTaskTag}`);
    this.#solicitedEnd = command.data.length;
    this.#checkCommand();
  }

  /** Bytes of Data-Out that have come to the target, immediate data included. */
  get arrivedBytes(): number {
    return this.#arrivedBytes;
  }

  /** Damaged immediate data spoils a command that can be sent again, else only its outcome (RFC 7143 §7.8). */
  arrives(damaged: boolean): void {
    this.delivered ||= !damaged || !this.#recoverable;
    // One that is sent again brings nothing new.
    if (!damaged) this.#arrivedBytes = Math.max(this.#arrivedBytes, this.command.data.length);
  }

  /** The command is sent once more, as it was, with its unsolicited data (RFC 7143 §7.2.1). */
  again({ cmdSn, data }: ScsiCommandPdu): void {
    const same = cmdSn === this.command.cmdSn && data.length === this.command.data.length;
    if (!this.#recoverable || !same) this.#complain('a command with a tag that is in use');
    this.#checkCommand();
  }

  /** TASK REASSIGN (RFC 7143 §7.2.2): the task goes on by another link; its status comes there, perhaps once more. */
  reassign(link: number): void {
    this.link = link;
    this.over = false;
    this.reassigned = true;
    this.#sequences.clear();
    this.#outstandingR2ts = 0;
  }

  dataOutLeaves(pdu: DataOutPdu): void {
    const sequence = this.#sequences.get(pdu.targetTransferTag);
    if (sequence === undefined || sequence.sent) return this.#complain('Data-Out that nobody asked for');
    if (pdu.dataSn !== sequence.nextDataSn++) this.#complain(`Data-Out with DataSN ${pdu.dataSn}`);
    if (pdu.bufferOffset !== sequence.offset + sequence.sentBytes) {
      this.#complain(`Data-Out at ${pdu.bufferOffset}, not ${sequence.offset + sequence.sentBytes}`);
    }
    if (pdu.data.length > this.#parameters.targetSegmentBytes) this.#complain('Data-Out too long');
    sequence.sentBytes += pdu.data.length;
    const complete = sequence.sentBytes === sequence.lengthBytes;
    if (sequence.sentBytes > sequence.lengthBytes) this.#complain('more Data-Out than asked for');
    if (pdu.final !== complete) this.#complain(`F bit ${pdu.final} after ${sequence.sentBytes} bytes`);
    sequence.sent = pdu.final;
  }

  dataOutArrives(pdu: DataOutPdu, damaged: boolean): void {
    if (!damaged) this.#arrivedBytes += pdu.data.length;
    if (!pdu.final) return;
    this.#sequences.delete(pdu.targetTransferTag);
    if (pdu.targetTransferTag !== NO_TTT) this.#outstandingR2ts--;
  }

  r2tLeaves(pdu: R2tPdu): void {
    const { maxBurstBytes, maxOutstandingR2t } = this.#parameters;
    const { bufferOffset, desiredDataTransferLength: lengthBytes, targetTransferTag } = pdu;
    if (!this.command.write) this.#complain('R2T for a command without Data-Out');
    if (this.#isAgain(pdu.r2tSn, bufferOffset) && !this.reassigned) return;
    this.#number('R2T', pdu.r2tSn, bufferOffset);
    if (targetTransferTag === NO_TTT || this.#sequences.has(targetTransferTag)) {
      this.#complain(`R2T with Target Transfer Tag ${targetTransferTag}`);
    }
    // A recovery R2T asks for what was lost; others go on where the last one ended.
    const recovers = this.#recoverable && bufferOffset < this.#solicitedEnd;
    if (!recovers && bufferOffset !== this.#solicitedEnd) {
      this.#complain(`R2T at ${bufferOffset}, not ${this.#solicitedEnd}`);
    }
    if (lengthBytes === 0 || lengthBytes > maxBurstBytes) this.#complain(`R2T for ${lengthBytes} bytes`);
    this.#solicitedEnd = Math.max(this.#solicitedEnd, bufferOffset + lengthBytes);
    if (this.#solicitedEnd > this.command.expectedDataTransferLength) this.#complain('R2T beyond the end');
    if (++this.#outstandingR2ts > maxOutstandingR2t)
      this.#complain(`${this.#outstandingR2ts} R2Ts outstanding`);
    this.#open(targetTransferTag, bufferOffset, lengthBytes);
  }

  dataInLeaves(pdu: DataInPdu): void {
    const { maxBurstBytes, initiatorSegmentBytes } = this.#parameters;
    const lengthBytes = pdu.data.length;
    if (!this.command.read) this.#complain('Data-In for a command without it');
    if (lengthBytes > initiatorSegmentBytes) this.#complain(`Data-In of ${lengthBytes} bytes`);
    if (this.reassigned || this.#isAgain(pdu.dataSn, pdu.bufferOffset)) return;
    this.#number('Data-In', pdu.dataSn, pdu.bufferOffset);
    if (pdu.bufferOffset !== this.#receivedBytes) {
      this.#complain(`Data-In at ${pdu.bufferOffset}, not ${this.#receivedBytes}`);
    }
    this.#receivedBytes += lengthBytes;
    if (this.#receivedBytes > this.command.expectedDataTransferLength)
      this.#complain('Data-In beyond the end');
    this.#burstBytes += lengthBytes;
    if (this.#burstBytes > maxBurstBytes) this.#complain(`a sequence of ${this.#burstBytes} bytes`);
    if (pdu.final) this.#burstBytes = 0;
    if (pdu.hasStatus && !pdu.final) this.#complain('status without the F bit');
    if (pdu.hasStatus) this.over = true;
  }

  responseLeaves(pdu: ScsiResponsePdu): void {
    const { expectedDataTransferLength, write } = this.command;
    // RFC 7143 §11.4.8: Data-In PDUs; R2Ts do not count.
    const expected = this.command.read ? this.#numbered : 0;
    if (pdu.expDataSn !== expected && !this.reassigned)
      this.#complain(`ExpDataSN ${pdu.expDataSn}, not ${expected}`);
    const allWanted = pdu.status === 0 && write && !pdu.underflow && !pdu.overflow;
    const arrivedAll = this.#recoverable
      ? this.#arrivedBytes >= expectedDataTransferLength
      : this.#arrivedBytes === expectedDataTransferLength;
    if (allWanted && !arrivedAll) {
      this.#complain(`GOOD after ${this.#arrivedBytes} of ${expectedDataTransferLength} bytes`);
    }
    this.over = true;
  }

  #checkCommand(): void {
    const { data, write, final, expectedDataTransferLength } = this.command;
    const { immediateData, initialR2t, firstBurstBytes, targetSegmentBytes } = this.#parameters;
    const firstBytes = Math.min(firstBurstBytes, expectedDataTransferLength);
    if (data.length > 0 && !immediateData) this.#complain('immediate data was not agreed on');
    if (data.length > Math.min(firstBytes, targetSegmentBytes)) this.#complain('too much immediate data');
    if (final) return;
    if (initialR2t || !write) this.#complain('unsolicited data was not agreed on');
    // RFC 7143 §13.14, §4.2.5.2: the F bit is 0 only when Data-Out PDUs follow, up to FirstBurstLength.
    this.#open(NO_TTT, data.length, firstBytes - data.length);
    this.#solicitedEnd = firstBytes;
  }

  get #recoverable(): boolean {
    return this.#parameters.errorRecoveryLevel > 0;
  }

  /** A PDU that was sent before, and is asked for or sent again (RFC 7143 §7.2, §11.16). */
  #isAgain(number: number, offset: number): boolean {
    return this.#recoverable && number < this.#numbered && this.#offsets[number] === offset;
  }

  #number(what: string, number: number, offset: number): void {
    if (number !== this.#numbered && !this.reassigned)
      this.#complain(`${what} numbered ${number}, not ${this.#numbered}`);
    this.#offsets[this.#numbered++] = offset;
  }

  #open(tag: number, offset: number, lengthBytes: number): void {
    this.#sequences.set(tag, { offset, lengthBytes, sentBytes: 0, nextDataSn: 0, sent: false });
  }
}
