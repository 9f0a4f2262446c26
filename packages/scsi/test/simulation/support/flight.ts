import {
  encodeLun,
  parseSense,
  type DataIn,
  type DataOut,
  type Execution,
  type ScsiCommand,
  type SenseData,
  type TaskAttribute,
} from '../../../src/index.ts';
import type { Initiator } from '../../support/harness.ts';
import type { Dice } from './dice.ts';

/** What the status of a command was; undefined: it was aborted. */
export interface Ending {
  readonly status: number | undefined;
  readonly sense?: SenseData | undefined;
  readonly data: Uint8Array;
}

/** One command on its way, whose data a transport moves piece by piece, in any order, when the history says so. */
export class Flight {
  readonly name: string;
  readonly node: number;
  readonly attribute: TaskAttribute;
  /** When it was handed to the nexus, and when it was over. */
  begin = 0;
  end = Infinity;
  ending: Ending | undefined = undefined;
  aborted = false;
  readonly #dice: Dice;
  readonly #initiator: Initiator;
  readonly #cdb: Uint8Array;
  readonly #dataOut: Uint8Array;
  readonly #now: () => number;
  #command: ScsiCommand | undefined = undefined;
  #execution: Execution | undefined = undefined;
  #pieces: [number, number][] = [];
  #data = new Uint8Array(0);
  #busy = 0;
  #finishing = false;

  constructor(
    about: { name: string; node: number; cdb: Uint8Array; dataOut?: Uint8Array; attribute: TaskAttribute },
    initiator: Initiator,
    dice: Dice,
    now: () => number,
  ) {
    this.name = about.name;
    this.node = about.node;
    this.attribute = about.attribute;
    this.#initiator = initiator;
    this.#dice = dice;
    this.#cdb = about.cdb;
    this.#dataOut = about.dataOut ?? new Uint8Array(0);
    this.#now = now;
  }

  get over(): boolean {
    return this.ending !== undefined;
  }

  /** True when it was carried out in part and may go on. */
  get atWork(): boolean {
    return this.#execution !== undefined && !this.over;
  }

  /** True when there is something for the transport to do. */
  get canGoOn(): boolean {
    if (this.over || this.#execution === undefined) return false;
    if (this.aborted) return this.#busy === 0;
    return this.#pieces.length > 0 || (this.#busy === 0 && !this.#finishing);
  }

  start(): void {
    this.begin = this.#now();
    this.#command = this.#initiator.command(this.#cdb, { attribute: this.attribute, dataOut: this.#dataOut });
    this.#wait(
      () => this.#initiator.nexus.execute(encodeLun(0), this.#command!),
      (execution) => {
        this.#begun(execution);
      },
    );
  }

  /** A task management function of somebody drops it: nothing more of it is moved. */
  abort(): void {
    if (this.over || this.#command === undefined) return;
    this.aborted = true;
    this.#command.aborted = true;
    this.#pieces = [];
  }

  /** Moves a piece, or asks for the end. */
  goOn(): void {
    const execution = this.#execution!;
    if (this.aborted) return this.#finish({ status: undefined, data: this.#data });
    if (this.#pieces.length > 0) return this.#movePiece(execution as DataIn | DataOut);
    this.#finishing = true;
    if (execution.kind === 'data-in') return this.#finish({ status: 0, data: this.#data });
    const { length } = this.#dataOut;
    this.#wait(
      () => (execution as DataOut).finish(length),
      (finished) => {
        this.#answered(finished);
      },
    );
  }

  #begun(execution: Execution): void {
    this.#execution = execution;
    if (execution.kind === 'finished') return this.#answered(execution);
    const { lengthBytes } = execution;
    const pieceBytes = this.#dice.pick([300, 512, 1024, lengthBytes]);
    for (let at = 0; at < lengthBytes; at += pieceBytes) {
      this.#pieces.push([at, Math.min(lengthBytes, at + pieceBytes)]);
    }
    if (execution.kind === 'data-in') this.#data = new Uint8Array(lengthBytes);
    if (this.aborted) this.#pieces = [];
  }

  #movePiece(execution: DataIn | DataOut): void {
    const [at, end] = this.#dice.take(this.#pieces);
    this.#wait(
      () => {
        if (execution.kind === 'data-in') return execution.read([this.#data.subarray(at, end)], at);
        return execution.write([this.#dataOut.subarray(at, end)], at);
      },
      () => undefined,
    );
  }

  #answered(execution: Execution): void {
    if (execution.kind !== 'finished') throw new Error('not finished');
    const sense = execution.sense && parseSense(execution.sense);
    this.#finish({ status: this.aborted ? undefined : execution.status, sense, data: new Uint8Array(0) });
  }

  #finish(ending: Ending): void {
    const execution = this.#execution;
    this.ending = ending;
    this.end = this.#now();
    if (execution !== undefined && execution.kind !== 'finished') execution.end?.();
  }

  /** A failure ends the command once nothing of it is at work any more, as a transport must do it. */
  #wait<T>(work: () => T | Promise<T>, done: (result: T) => void): void {
    this.#busy++;
    const settle = async (): Promise<void> => {
      try {
        const result = await work();
        this.#busy--;
        if (!this.over) done(result);
      } catch (error) {
        this.#busy--;
        this.#pieces = [];
        this.#failures.push((error as { toFinished(): Execution }).toFinished());
      }
      const [failure] = this.#failures;
      if (failure !== undefined && this.#busy === 0 && !this.over) this.#answered(failure);
    };
    void settle();
  }

  readonly #failures: Execution[] = [];
}
