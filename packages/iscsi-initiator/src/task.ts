import { totalLength } from '@lunbox/block';
import { encodeLun } from '@lunbox/scsi';
import { DataHoles } from './data-holes.ts';
import type { InitiatorError } from './errors.ts';
import type { FullFeature } from './full-feature.ts';
import type { Lender } from './outbox.ts';
import type { ScsiRequest, ScsiResult } from './request.ts';

const NO_BUFFERS: readonly Uint8Array[] = [];

/** Who hears how a task ended. */
export interface TaskOwner {
  /** Exactly once for a task; its buffers are free again. */
  taskEnded(task: Task, outcome: ScsiResult | InitiatorError): void;
}

/** An acknowledgement of Data-In that the target asked for (RFC 7143 §11.7.2). */
export interface WantedAck {
  readonly targetTransferTag: number;
  readonly lun: Uint8Array;
}

/** Data-Out that is asked for, or may be sent without (RFC 7143 §11.8). */
export interface OutSequence {
  readonly targetTransferTag: number;
  readonly bufferOffset: number;
  readonly lengthBytes: number;
}

/** A status that came before all data of its command. */
export interface HeldStatus {
  readonly statSn: number;
  /** The outcome, once the data is there. */
  readonly outcome: () => ScsiResult | InitiatorError;
}

/** One try of a command; it outlives its connection where the session recovers connections. */
export class Task implements Lender {
  readonly request: ScsiRequest;
  readonly initiatorTaskTag: number;
  readonly cmdSn: number;
  readonly lun: Uint8Array;
  readonly lunHigh: number;
  /** Where data goes or comes from. */
  readonly buffers: readonly Uint8Array[];
  /** Expected Data Transfer Length, in bytes. */
  readonly lengthBytes: number;
  /** The connection that it is allegiant to (RFC 7143 §4.2.5.1); undefined while that is lost. */
  connection: FullFeature | undefined = undefined;
  /** Data-In received so far. */
  receivedBytes = 0;
  /** DataSN of the next Data-In, or R2TSN of the next R2T. */
  nextDataSn = 0;
  /** Where the next Data-In begins: DataPDUInOrder and DataSequenceInOrder are Yes. */
  nextOffset = 0;
  /** What is missing before {@link Task.nextDataSn}, from ErrorRecoveryLevel 1 on. */
  holes: DataHoles | undefined = undefined;
  /** Data was sent in segments of a length that is not agreed any more: what is missing comes cut anew. */
  resegmented = false;
  /** The last R-Data SNACK, counted from 1 on: all data comes again, and a response with this tag; 0 without one. */
  snackTag = 0;
  /** Nothing of what was asked for by the last R-Data SNACK has come: what comes was under way before. */
  restarting = false;
  /** DataSN and offset up to which data was acknowledged by a DataACK. */
  ackedDataSn = 0;
  ackedOffset = 0;
  /** The target cannot send again what is missing: the command fails, whatever its status. */
  dataLost = false;
  /** How often it was rejected for the digest of its data. */
  digestRejects = 0;
  /**
   * A function of ours, or of another session, is ending it: no Data-Out goes out any more, and what is not sent is
   * kept here, should the function fail (RFC 7143 §4.2.3.4). Undefined as a rule.
   */
  unsent: OutSequence[] | undefined = undefined;
  /** Waits for the data that is missing. */
  held: HeldStatus | undefined = undefined;
  /** Waits for the data that is missing. */
  wantedAck: WantedAck | undefined = undefined;
  readonly #owner: TaskOwner;
  #lent = 0;
  #outcome: ScsiResult | InitiatorError | undefined;
  #told = false;

  constructor(owner: TaskOwner, request: ScsiRequest, initiatorTaskTag: number, cmdSn: number) {
    this.#owner = owner;
    this.request = request;
    this.initiatorTaskTag = initiatorTaskTag;
    this.cmdSn = cmdSn;
    this.lun = encodeLun(request.lun);
    this.lunHigh = ((this.lun[0] as number) << 24) | ((this.lun[1] as number) << 16);
    this.buffers = request.read ?? request.write ?? NO_BUFFERS;
    this.lengthBytes = totalLength(this.buffers);
  }

  /** True once the outcome is known. */
  get ended(): boolean {
    return this.#outcome !== undefined;
  }

  /** True when PDUs of this command are known to be missing. */
  get lacksData(): boolean {
    return this.holes !== undefined && this.holes.size > 0;
  }

  /** True when only a response with {@link Task.snackTag} ends it. */
  get awaitsTag(): boolean {
    return this.snackTag !== 0 && !this.dataLost;
  }

  /** For the first PDU that is missing. */
  makeHoles(): DataHoles {
    this.holes ??= new DataHoles();
    return this.holes;
  }

  /** Some of the buffers are with the network. */
  lend(): void {
    this.#lent++;
  }

  returned(): void {
    this.#lent--;
    this.#tell();
  }

  /** The outcome. A status may overtake data that is still on its way out: the owner hears when that is out too. */
  end(outcome: ScsiResult | InitiatorError): void {
    this.#outcome ??= outcome;
    this.#tell();
  }

  /** The connection is gone. A status that waited for data goes with it. */
  detach(): void {
    this.connection = undefined;
    this.held = undefined;
    this.wantedAck = undefined;
    this.unsent = undefined;
    this.dataLost = false;
    // RFC 7143 §7.2.2: the new connection counts from 0 again.
    this.snackTag = 0;
    this.resegmented = this.restarting = false;
    this.#forgetAfterHoles();
  }

  /** The target has never had it, whatever it said of it by a connection that is gone: all numbers begin again. */
  begin(): void {
    this.nextDataSn = this.ackedDataSn = 0;
    this.receivedBytes = this.nextOffset = this.ackedOffset = 0;
  }

  /** All data that was not acknowledged comes again (RFC 7143 §11.16.3). */
  restart(): void {
    this.snackTag++;
    this.restarting = true;
    this.resegmented = false;
    this.holes = undefined;
    this.held = undefined;
    this.nextDataSn = this.ackedDataSn;
    this.receivedBytes = this.nextOffset = this.ackedOffset;
  }

  /** RFC 7143 §11.5.6: what came after something that is missing comes again. */
  #forgetAfterHoles(): void {
    const first = this.holes?.first;
    this.holes = undefined;
    if (first === undefined) return;
    this.nextDataSn = first.dataSn;
    if (this.request.read !== undefined) this.receivedBytes = this.nextOffset = first.offset;
  }

  #tell(): void {
    if (this.#told || this.#outcome === undefined || this.#lent > 0) return;
    this.#told = true;
    this.#owner.taskEnded(this, this.#outcome);
  }
}
