import { MemoryDevice, totalLength, yieldTurn } from '@lunbox/block';

/** Memory that takes turns of the event loop for every block, so that overlapping accesses tear each other. */
export class SlowDevice extends MemoryDevice {
  /** When set, accesses wait for it to resolve before they begin. */
  gate: Promise<void> | undefined = undefined;

  override async read(into: readonly Uint8Array[], offset: number): Promise<void> {
    await this.gate;
    const whole = new Uint8Array(totalLength(into));
    for (let at = 0; at < whole.length; at += this.blockSize) {
      await yieldTurn();
      await super.read([whole.subarray(at, at + this.blockSize)], offset + at);
    }
    let at = 0;
    for (const buffer of into) {
      buffer.set(whole.subarray(at, at + buffer.length));
      at += buffer.length;
    }
  }

  override async write(from: readonly Uint8Array[], offset: number): Promise<void> {
    await this.gate;
    const whole = Buffer.concat(from);
    for (let at = 0; at < whole.length; at += this.blockSize) {
      await yieldTurn();
      await super.write([whole.subarray(at, at + this.blockSize)], offset + at);
    }
  }
}
