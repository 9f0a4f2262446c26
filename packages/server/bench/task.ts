/** Which way a command's data goes. */
export type Direction = 'none' | 'read' | 'write';

/**
 * One SCSI command in the hands of the {@link Initiator}. Made once and used again for each command of a queue
 * slot, so that a load generator allocates nothing while it runs.
 */
export class Task {
  readonly cdb: Buffer = Buffer.alloc(16);
  direction: Direction = 'none';
  /** Expected data transfer length. */
  lengthBytes = 0;
  /** Data to write, or where data read goes; data read is thrown away without it. */
  data: Buffer | undefined;
  /** SCSI status after completion; 0 is GOOD. */
  status = 0;
  /** iSCSI response code after completion; 0 means the command completed at the target. */
  response = 0;
  /** Sense data without its two-byte length; empty with GOOD. */
  sense: Buffer = Buffer.alloc(0);
  /** Bytes of data received. */
  receivedBytes = 0;
  /** Signed residual: positive for underflow (less than expected), negative for overflow. */
  residualBytes = 0;
  /** When the command was handed in, for latencies (`performance.now()`). */
  submittedAt = 0;
  /** Initiator task tag while in flight. */
  itt = -1;
  onDone: (task: Task) => void;

  constructor(onDone: (task: Task) => void = () => undefined) {
    this.onDone = onDone;
  }

  /** READ(10) or WRITE(10) (SBC-4 5.13, 5.39). */
  setTransfer(direction: 'read' | 'write', lba: number, blocks: number, lengthBytes: number): void {
    this.direction = direction;
    this.lengthBytes = lengthBytes;
    this.cdb[0] = direction === 'read' ? 0x28 : 0x2a;
    this.cdb.writeUInt32BE(lba, 2);
    this.cdb.writeUInt16BE(blocks, 7);
  }

  /** `0x05/21/00` style: sense key, additional sense code, qualifier; for messages. */
  describeSense(): string {
    const descriptor = ((this.sense[0] ?? 0) & 0x7f) >= 0x72;
    const [key, code, qualifier] = descriptor ? [1, 2, 3] : [2, 12, 13];
    const hex = (at: number, mask = 0xff): string =>
      ((this.sense[at] ?? 0) & mask).toString(16).padStart(2, '0');
    return `${hex(key, 0x0f)}/${hex(code)}/${hex(qualifier)}`;
  }
}

/** A finished command: GOOD, or the status and sense that say why not. */
export class CommandError extends Error {
  readonly task: Task;

  constructor(task: Task) {
    const cdb = task.cdb.toString('hex');
    super(`CDB ${cdb}: response ${task.response}, status ${task.status}, sense ${task.describeSense()}`);
    this.task = task;
  }
}
