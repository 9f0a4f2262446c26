import { realDisk, type Disk } from '@lunbox/block';
import { hostname } from 'node:os';
import { NIL_UUID, formatUuid } from './uuid.ts';

/** One run of one process, told apart from every other, also from a later one with the same number. */
export interface ProcessIdentity {
  readonly host: string;
  /** One run of a kernel, in UUID form; the nil UUID where the platform does not tell. */
  readonly bootId: string;
  /** Process numbers mean something only inside one namespace; 0 where there are none. */
  readonly pidNamespace: number;
  readonly pid: number;
  /** When the process started, in the kernel's own count; empty where the platform does not tell. */
  readonly startTime: string;
}

/** Tells about processes; a seam, so that tests can have processes that die and machines that restart. */
export interface ProcessTable {
  /** The process that this code runs in. */
  self(): Promise<ProcessIdentity>;
  /** Whether a process of this kernel and this namespace still runs. */
  isRunning(identity: ProcessIdentity): Promise<boolean>;
}

const PROC_TEXT_LIMIT_BYTES = 4096;

/** The processes of this machine, as `/proc` shows them; elsewhere process numbers alone. */
export class SystemProcessTable implements ProcessTable {
  readonly #disk: Disk;

  /** @param disk - where `/proc` is read. */
  constructor(disk: Disk = realDisk) {
    this.#disk = disk;
  }

  async self(): Promise<ProcessIdentity> {
    const [bootId, startTime, pidNamespace] = await Promise.all([
      this.#readText('/proc/sys/kernel/random/boot_id'),
      this.#startTime(process.pid),
      this.#pidNamespace(),
    ]);
    return {
      host: hostname(),
      bootId: bootId?.trim() ?? formatUuid(NIL_UUID),
      pidNamespace,
      pid: process.pid,
      startTime,
    };
  }

  async isRunning(identity: ProcessIdentity): Promise<boolean> {
    try {
      process.kill(identity.pid, 0);
    } catch (error) {
      // EPERM: it exists and belongs to somebody else.
      return (error as { code?: string }).code === 'EPERM';
    }
    return identity.startTime === '' || (await this.#startTime(identity.pid)) === identity.startTime;
  }

  /** proc(5): the name in field 2 may hold anything, so count from behind its closing bracket. */
  async #startTime(pid: number): Promise<string> {
    const text = (await this.#readText(`/proc/${pid}/stat`)) ?? '';
    const fromThird = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fromThird[22 - 3] ?? '';
  }

  async #pidNamespace(): Promise<number> {
    try {
      return Number((await this.#disk.status('/proc/self/ns/pid')).inode);
    } catch {
      return 0;
    }
  }

  async #readText(path: string): Promise<string | undefined> {
    try {
      const file = await this.#disk.open(path, 'read');
      try {
        const text = Buffer.alloc(PROC_TEXT_LIMIT_BYTES);
        const lengthBytes = await file.read([text], 0);
        return text.toString('utf8', 0, lengthBytes);
      } finally {
        await file.close();
      }
    } catch {
      return undefined;
    }
  }
}
