import type {
  DataIn,
  DataOut,
  Execution,
  Finished,
  Nexus,
  NexusOptions,
  PendingAttention,
  ScsiCommand,
} from '@lunbox/scsi';
import { CheckConditionError } from '@lunbox/scsi';

const BLOCK = 512;

/** GOOD without data. */
export const GOOD: Finished = { kind: 'finished', status: 0 };

/** LOGICAL BLOCK ADDRESS OUT OF RANGE. */
const OUT_OF_RANGE = new CheckConditionError({ senseKey: 0x05, asc: 0x21, ascq: 0x00 }).toFinished();

/**
 * A device server under the test's control: READ(10) and WRITE(10) on `bytes`, GOOD for anything else. While
 * `held` is true every device operation waits for {@link ScriptedScsi.release}, as on a slow disk.
 */
export class ScriptedScsi {
  readonly bytes: Uint8Array = new Uint8Array(4 * 1024 * 1024);
  readonly nexuses: { options: NexusOptions; closed: boolean }[] = [];
  /** CDBs in the order in which the device server got them. */
  readonly executed: Uint8Array[] = [];
  /** Executions that the transport declared over by `end()`. */
  ended = 0;
  held = false;
  /** LUNs whose initiator is to hear that commands were cleared. */
  readonly cleared: Uint8Array[] = [];
  /** How often an ACA condition was cleared. */
  acaCleared = 0;
  /** What QUERY ASYNCHRONOUS EVENT finds. */
  attention: PendingAttention | undefined = undefined;
  /** Answers instead of the disk when it returns something. */
  override: ((command: ScsiCommand) => Execution | undefined) | undefined = undefined;
  readonly #waiting: (() => void)[] = [];

  addPort(): void {}

  openNexus(options: NexusOptions): Nexus {
    const entry = { options, closed: false };
    this.nexuses.push(entry);
    const abortAll = (): void => {
      for (const nexus of this.nexuses) if (!nexus.closed) nexus.options.onTasksAborted(0);
    };
    const hasUnit = (lun: Uint8Array): boolean => lun.every((byte) => byte === 0);
    return {
      execute: (_lun, command) => this.#execute(command),
      hasUnit,
      resetUnit: (lun) => {
        if (hasUnit(lun)) abortAll();
        return hasUnit(lun);
      },
      clearTaskSet: (lun) => {
        if (hasUnit(lun)) abortAll();
        return hasUnit(lun);
      },
      pendingAttention: () => this.attention,
      commandsCleared: (lun) => this.cleared.push(lun),
      commandsAborted: () => undefined,
      commandFailed: () => undefined,
      clearAca: (lun) => {
        if (hasUnit(lun)) this.acaCleared++;
        return hasUnit(lun);
      },
      resetTarget: abortAll,
      close: () => {
        entry.closed = true;
      },
    };
  }

  /** Lets the operations that wait go on. */
  release(): void {
    this.held = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  #execute(command: ScsiCommand): Execution {
    this.executed.push(command.cdb.slice());
    const special = this.override?.(command);
    if (special !== undefined) return special;
    const { cdb } = command;
    const view = new DataView(cdb.buffer, cdb.byteOffset);
    const offset = view.getUint32(2) * BLOCK;
    const lengthBytes = view.getUint16(7) * BLOCK;
    const media = cdb[0] === 0x28 || cdb[0] === 0x2a;
    if (media && offset + lengthBytes > this.bytes.length) return OUT_OF_RANGE;
    if (cdb[0] === 0x28) return this.#read(offset, lengthBytes);
    if (cdb[0] === 0x2a) return this.#write(offset, lengthBytes);
    return GOOD;
  }

  #read(offset: number, lengthBytes: number): DataIn {
    const read = (into: readonly Uint8Array[], at: number): void => {
      let from = offset + at;
      for (const piece of into) {
        piece.set(this.bytes.subarray(from, from + piece.length));
        from += piece.length;
      }
    };
    return {
      kind: 'data-in',
      lengthBytes,
      read: (into, at) => (this.held ? this.#later(() => read(into, at)) : read(into, at)),
      end: () => this.ended++,
    };
  }

  #write(offset: number, lengthBytes: number): DataOut {
    const write = (from: readonly Uint8Array[], at: number): void => {
      let to = offset + at;
      for (const piece of from) {
        this.bytes.set(piece, to);
        to += piece.length;
      }
    };
    return {
      kind: 'data-out',
      lengthBytes,
      write: (from, at) => (this.held ? this.#later(() => write(from, at)) : write(from, at)),
      finish: () => GOOD,
      end: () => this.ended++,
    };
  }

  #later(action: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        action();
        resolve();
      });
    });
  }
}

/** MEDIUM ERROR, UNRECOVERED READ ERROR. */
export function mediumError(): CheckConditionError {
  return new CheckConditionError({ senseKey: 0x03, asc: 0x11, ascq: 0x00 });
}
