import type { Initiator } from './initiator.ts';
import { CommandError } from './task.ts';

/** Capacity of a LUN. */
export interface Capacity {
  readonly blockSize: number;
  readonly blockCount: number;
}

/** Takes the unit attentions that greet a new session (SAM-5 5.14), at most a few. */
export async function settle(initiator: Initiator): Promise<void> {
  for (let attempt = 0; attempt < 8; attempt++) {
    try {
      await initiator.command([0x00, 0, 0, 0, 0, 0]);
      return;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
  }
  throw new Error('the unit does not become ready');
}

/** READ CAPACITY(16) (SBC-4 5.20). */
export async function readCapacity(initiator: Initiator): Promise<Capacity> {
  const data = await initiator.command([0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], 32);
  return { blockCount: Number(data.readBigUInt64BE(0)) + 1, blockSize: data.readUInt32BE(8) };
}

/** SYNCHRONIZE CACHE(10) of the whole unit (SBC-4 5.27). */
export async function synchronizeCache(initiator: Initiator): Promise<void> {
  await initiator.command([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}
