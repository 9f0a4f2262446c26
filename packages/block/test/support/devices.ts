import { BlockError, MemoryDevice, type BlockDevice, type MaybePromise } from '../../src/index.ts';

/** The `code` that an operation fails with, or undefined when it succeeds. */
export async function codeOf(operation: () => unknown): Promise<string | undefined> {
  try {
    await operation();
    return undefined;
  } catch (error) {
    return error instanceof BlockError ? error.code : String(error);
  }
}

/** A memory device that takes its time and fails when told to. */
export class MoodyDevice extends MemoryDevice {
  /** What the next operations fail with, while it is set. */
  failure: Error | undefined;
  /** Complete in later turns, the earlier requests not necessarily first. */
  slow = false;
  #turns = 0;

  override read(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return this.#moody(() => super.read(into, offset));
  }

  override write(from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return this.#moody(() => super.write(from, offset));
  }

  override flush(): MaybePromise<void> {
    return this.#moody(() => super.flush());
  }

  #moody(operation: () => MaybePromise<void>): MaybePromise<void> {
    const act = (): MaybePromise<void> => {
      if (this.failure !== undefined) throw this.failure;
      return operation();
    };
    if (!this.slow) return act();
    this.#turns++;
    return turns(this.#turns % 3).then(act);
  }
}

/** Waits so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i <= count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** The whole content of a range. */
export async function content(device: BlockDevice, offset = 0, length = device.size): Promise<Buffer> {
  const into = Buffer.alloc(length, 0xee);
  await device.read([into], offset);
  return into;
}
