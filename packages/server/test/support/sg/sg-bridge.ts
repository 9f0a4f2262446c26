import { parseIscsiUrl, IscsiSession, systemSeams, type ScsiResult } from '@lunbox/iscsi-initiator';
import { Status, TEST_UNIT_READY } from '@lunbox/scsi';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, runOrThrow, type Finished } from '../processes.ts';

/** A command of a foreign program, and what came of it. */
export interface SgCommand {
  readonly cdb: Uint8Array;
  /** What went to the unit. */
  readonly dataOut: Uint8Array;
  /** What came from the unit. */
  readonly dataIn: Uint8Array;
  readonly result: ScsiResult;
}

/** A foreign program that has run, and the commands that it sent. */
export interface SgRun extends Finished {
  readonly commands: readonly SgCommand[];
}

const SOURCE = fileURLToPath(new URL('sg-bridge.c', import.meta.url));
const HEADER_BYTES = 12;
/** More than any program of sg3-utils asks for. */
const MAX_TRANSFER_BYTES = 16 << 20;
/** Unit attentions that a unit may have for us. */
const MAX_ATTENTIONS = 8;

/**
 * Lets programs that send SCSI commands by SG_IO, such as those of sg3-utils, talk to a LUN over iSCSI by way of our
 * initiator, where no SCSI device of the operating system is. Nothing is recorded or made up: every CDB is theirs,
 * every answer is that of the served unit.
 */
export class SgBridge {
  readonly session: IscsiSession;
  readonly lun: number;
  readonly #server: Server;
  readonly #environment: Readonly<Record<string, string>>;
  #commands: SgCommand[] = [];

  private constructor(session: IscsiSession, lun: number, socketPath: string, library: string) {
    this.session = session;
    this.lun = lun;
    this.#environment = { LD_PRELOAD: library, LUNBOX_SG_SOCKET: socketPath };
    this.#server = createServer((socket) => void this.#serve(socket));
    this.#server.listen(socketPath);
  }

  /** Compiles what is preloaded; resolves with its path. */
  static async compile(directory: string): Promise<string> {
    const library = join(directory, 'sg-bridge.so');
    await runOrThrow('cc', ['-Wall', '-Wextra', '-Werror', '-O1', '-shared', '-fPIC', '-o', library, SOURCE]);
    return library;
  }

  /** Logs in to the LUN of an `iscsi:` URL, and hears its unit attentions; the library is what was compiled. */
  static async open(url: string, socketPath: string, library: string): Promise<SgBridge> {
    const { portal, targetName = '', lun = 0 } = parseIscsiUrl(url);
    const session = new IscsiSession({ portal, targetName }, systemSeams());
    await session.open();
    for (let tries = 0; tries < MAX_ATTENTIONS; tries++) {
      const { status } = await session.command({ lun, cdb: TEST_UNIT_READY.encode() });
      if (status === Status.GOOD) break;
    }
    const bridge = new SgBridge(session, lun, socketPath, library);
    await once(bridge.#server, 'listening');
    return bridge;
  }

  /** Runs a program, the last argument of which is the device. */
  async run(tool: string, ...args: readonly string[]): Promise<SgRun> {
    this.#commands = [];
    // What is opened makes no difference: SG_IO goes to the bridge.
    const finished = await run(tool, [...args, '/dev/null'], { env: this.#environment });
    return { ...finished, commands: this.#commands };
  }

  async close(): Promise<void> {
    await this.session.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(socket: Socket): Promise<void> {
    let received = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      if (received.length < HEADER_BYTES) continue;
      const cdbEnd = HEADER_BYTES + received.readUInt32LE(0);
      const direction = received.readUInt32LE(4);
      const length = received.readUInt32LE(8);
      if (received.length < cdbEnd + (direction === 1 ? length : 0)) continue;
      const dataOut = Uint8Array.from(received.subarray(cdbEnd));
      socket.end(
        await this.#execute(
          Uint8Array.from(received.subarray(HEADER_BYTES, cdbEnd)),
          dataOut,
          direction === 2 ? length : 0,
        ),
      );
      return;
    }
  }

  async #execute(cdb: Uint8Array, dataOut: Uint8Array, readBytes: number): Promise<Buffer> {
    const buffer = new Uint8Array(Math.min(readBytes, MAX_TRANSFER_BYTES));
    const data = dataOut.length > 0 ? { write: [dataOut] } : buffer.length > 0 ? { read: [buffer] } : {};
    const result = await this.session.command({ lun: this.lun, cdb, ...data });
    const dataIn = buffer.subarray(0, result.receivedBytes);
    const sense = result.senseBytes ?? new Uint8Array(0);
    this.#commands.push({ cdb, dataOut, dataIn, result });
    const header = Buffer.alloc(HEADER_BYTES);
    [result.status, sense.length, dataIn.length].forEach((value, index) =>
      header.writeUInt32LE(value, 4 * index),
    );
    return Buffer.concat([header, sense, dataIn]);
  }
}
