import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

const PLACE = '1M 64k';

type Program = ChildProcessByStdio<Writable, Readable, null>;

/** `qemu-io` with a disk open by libiscsi: one process, and for it one disk, all the time. */
export class ForeignInitiator {
  readonly #program: Program;
  readonly #lines: Interface;

  private constructor(program: Program) {
    this.#program = program;
    this.#lines = createInterface({ input: program.stdout });
  }

  /** Opens a LUN; undefined where there is no `qemu-io`. */
  static async open(url: string): Promise<ForeignInitiator | undefined> {
    const program = spawn('qemu-io', ['-f', 'raw', url], { stdio: ['pipe', 'pipe', 'inherit'] });
    const isThere = await Promise.race([
      once(program, 'spawn').then(() => true),
      once(program, 'error').then(() => false),
    ]).catch(() => false);
    return isThere ? new ForeignInitiator(program) : undefined;
  }

  /** Fills a place of the disk with a byte. */
  async write(byte: number): Promise<void> {
    await this.#ask(`write -P ${byte} ${PLACE}`, /^wrote /);
  }

  /** True when that place has nothing but this byte. */
  async reads(byte: number): Promise<boolean> {
    const lines = await this.#ask(`read -P ${byte} ${PLACE}`, /^read |^qemu-io> read /);
    return !lines.some((line) => line.includes('Pattern verification failed'));
  }

  /** Ends it. */
  async close(): Promise<void> {
    const ended = once(this.#program, 'close');
    this.#program.stdin.end('quit\n');
    await ended;
  }

  /** What it says until a line tells that the command is done. */
  async #ask(command: string, done: RegExp): Promise<string[]> {
    const lines: string[] = [];
    const isDone = new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#lines.off('line', hear);
        this.#lines.off('close', fail);
        settle();
      };
      const fail = (): void => end(() => reject(new Error(`qemu-io has ended: ${lines.join('; ')}`)));
      const hear = (text: string): void => {
        const line = text.replace(/^(qemu-io> )+/, '');
        lines.push(line);
        if (/failed: /.test(line)) fail();
        else if (done.test(line)) end(resolve);
      };
      this.#lines.on('line', hear);
      this.#lines.on('close', fail);
    });
    this.#program.stdin.write(`${command}\n`);
    await isDone;
    return lines;
  }
}
