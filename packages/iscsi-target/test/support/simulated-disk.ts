import type { DataIn, DataOut, Execution, Finished, Nexus, NexusOptions, ScsiCommand } from '@lunbox/scsi';
import type { Dice } from './dice.ts';

const BLOCK = 512;
const GOOD: Finished = { kind: 'finished', status: 0 };

/**
 * A disk whose operations end at once or later, in an order that the dice choose. Content changes when an
 * operation ends, as on a real one.
 */
export class SimulatedDisk {
  readonly bytes: Uint8Array;
  /** Data-in and data-out executions handed out and not yet ended by the transport. */
  open = 0;
  readonly #dice: Dice;
  readonly #nexuses = new Set<NexusOptions>();
  readonly #pending: (() => void)[] = [];

  constructor(dice: Dice, lengthBytes: number) {
    this.#dice = dice;
    this.bytes = new Uint8Array(lengthBytes);
  }

  /** Operations at work. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /** One of the operations at work ends. */
  completeOne(): void {
    const [operation] = this.#pending.splice(this.#dice.below(this.#pending.length), 1);
    operation?.();
  }

  addPort(): void {}

  openNexus(options: NexusOptions): Nexus {
    this.#nexuses.add(options);
    const abortAll = (): void => {
      for (const nexus of this.#nexuses) nexus.onTasksAborted(0);
    };
    const yes = (action: () => void) => (): boolean => {
      action();
      return true;
    };
    return {
      execute: (_lun, command) => this.#later(() => this.#execute(command)),
      hasUnit: () => true,
      resetUnit: yes(abortAll),
      clearTaskSet: yes(abortAll),
      pendingAttention: () => undefined,
      commandsCleared: () => undefined,
      commandsAborted: () => undefined,
      commandFailed: () => undefined,
      clearAca: () => true,
      resetTarget: abortAll,
      close: () => this.#nexuses.delete(options),
    };
  }

  #execute({ cdb }: ScsiCommand): Execution {
    const view = new DataView(cdb.buffer, cdb.byteOffset);
    const start = view.getUint32(2) * BLOCK;
    const lengthBytes = view.getUint16(7) * BLOCK;
    if (cdb[0] === 0x28) return this.#read(start, lengthBytes);
    return cdb[0] === 0x2a ? this.#write(start, lengthBytes) : GOOD;
  }

  #read(start: number, lengthBytes: number): DataIn {
    this.open++;
    return {
      kind: 'data-in',
      lengthBytes,
      read: ([into], at) => {
        const piece = into as Uint8Array;
        return this.#later(() => piece.set(this.bytes.subarray(start + at, start + at + piece.length)));
      },
      end: () => this.open--,
    };
  }

  #write(start: number, lengthBytes: number): DataOut {
    this.open++;
    return {
      kind: 'data-out',
      lengthBytes,
      write: ([from], at) => this.#later(() => this.bytes.set(from as Uint8Array, start + at)),
      finish: () => this.#later(() => GOOD),
      end: () => this.open--,
    };
  }

  #later<T>(action: () => T): T | Promise<T> {
    if (this.#dice.chance(0.5)) return action();
    return new Promise((resolve) => this.#pending.push(() => resolve(action())));
  }
}
