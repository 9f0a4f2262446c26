import { MemoryDevice, type BlockDevice } from '@lunbox/block';
import { NbdConnection, type NbdExportInfo, type NbdExports, type NbdTransport } from '../../src/index.ts';

/** Bytes from hexadecimal text; white space is ignored. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

/** Text as hexadecimal digits. */
export function digits(text: string): string {
  return Buffer.from(text).toString('hex');
}

/** A number of so many bytes as hexadecimal digits. */
export function number(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, '0');
}

/** A connection to one export of memory named `disk`, and the peer that sends whatever it likes. */
export class RawClient {
  readonly device: BlockDevice;
  readonly connection: NbdConnection;
  readonly internalErrors: unknown[] = [];
  ended = false;
  upgraded = false;
  paused = false;
  /** Bytes that seem to wait for the peer. */
  backlogBytes = 0;
  /** The most that was handed over at once. */
  sentAtOnce = 0;
  #received: Uint8Array[] = [];

  constructor(
    options: { device?: BlockDevice; tls?: 'none' | 'required'; info?: Partial<NbdExportInfo> } = {},
  ) {
    this.device = options.device ?? new MemoryDevice({ size: 1 << 20 });
    const { size: sizeBytes, blockSize } = this.device;
    const info: NbdExportInfo = {
      name: 'disk',
      description: 'memory',
      sizeBytes,
      blockSize,
      readOnly: false,
      ...options.info,
    };
    const exports: NbdExports = {
      list: () => [info],
      find: (name) => (name === '' || name === 'disk' ? info : undefined),
      open: () => ({
        device: this.device,
        async *changes() {
          yield { offset: 65_536, length: 65_536 };
        },
      }),
    };
    const transport: NbdTransport = {
      peer: { address: 'test', user: undefined },
      secure: false,
      backlogBytes: 0,
      send: (pieces) => {
        this.sentAtOnce = Math.max(
          this.sentAtOnce,
          pieces.reduce((sum, { length }) => sum + length, 0),
        );
        this.#received.push(...pieces);
      },
      defer: (callback) => queueMicrotask(callback),
      pause: () => (this.paused = true),
      resume: () => (this.paused = false),
      end: () => (this.ended = true),
      destroy: () => (this.ended = true),
    };
    Object.defineProperty(transport, 'backlogBytes', { get: () => this.backlogBytes });
    const owner = {
      exports,
      tls: options.tls ?? ('none' as const),
      upgrade: () => (this.upgraded = true),
      ended: () => undefined,
      reportInternalError: (error: unknown) => this.internalErrors.push(error),
    };
    this.connection = new NbdConnection(owner, transport, 0, 'greeting');
  }

  /** Sends bytes, in hexadecimal digits, and answers what comes back in the same form. */
  async send(...texts: readonly string[]): Promise<string> {
    this.connection.receive(hex(texts.join('')));
    return await this.received();
  }

  /** What has come, in hexadecimal digits. */
  async received(): Promise<string> {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    const all = Buffer.concat(this.#received).toString('hex');
    this.#received = [];
    return all;
  }

  /** The handshake up to the transmission, with structured replies and the allocation context if they are wanted. */
  async go(structured = false): Promise<void> {
    await this.send('00000003');
    if (structured)
      await this.send(option(8, ''), option(10, text('disk') + number(1, 4) + text('base:allocation')));
    await this.send(option(7, text('disk') + '0000'));
    await this.received();
  }
}

/** An option in hexadecimal digits. */
export function option(code: number, data: string): string {
  return digits('IHAVEOPT') + number(code, 4) + number(data.length / 2, 4) + data;
}

/** A text with its length in front. */
export function text(value: string): string {
  return number(Buffer.from(value).length, 4) + digits(value);
}

/** A request in hexadecimal digits, with cookie 0102030405060708h. */
export function request(type: number, offset: number, length: number, flags = 0): string {
  return `25609513${number(flags, 2)}${number(type, 2)}0102030405060708${number(offset, 8)}${number(length, 4)}`;
}
