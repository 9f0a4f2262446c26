import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Portal } from '../../src/index.ts';

const execute = promisify(execFile);
const path = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter);
const env = { ...process.env, PATH: path, LC_ALL: 'C' };

/** True when the foreign target is installed; in continuous integration its absence is a failure. */
export function hasTgtd(): boolean {
  const found = path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, 'tgtd'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found && process.env['CI'] === 'true') throw new Error('interop tests need tgtd');
  return found;
}

/** A running `tgtd` on loopback, with a management channel and a directory of its own. */
export class Tgtd {
  readonly portal: Portal;
  readonly #control: string;
  readonly #directory: string;
  readonly #child: ReturnType<typeof spawn>;
  #lastTarget = 0;
  #lastLun = 0;

  private constructor(port: number, directory: string) {
    this.portal = { host: '127.0.0.1', port };
    // The management channel is a UNIX socket with a 15-bit number; deriving it keeps instances apart.
    this.#control = String(port & 0x7fff);
    this.#directory = directory;
    const args = ['-f', '-C', this.#control, '--iscsi', `portal=127.0.0.1:${port}`];
    this.#child = spawn('tgtd', args, { env, stdio: 'ignore' });
  }

  static async start(): Promise<Tgtd> {
    const tgtd = new Tgtd(await freePort(), mkdtempSync(join(tmpdir(), 'lunbox-initiator-')));
    for (let tries = 0; ; tries++) {
      try {
        await tgtd.admin('--op', 'show', '--mode', 'system');
        return tgtd;
      } catch (error) {
        if (tries >= 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  async admin(...args: string[]): Promise<string> {
    const { stdout } = await execute('tgtadm', ['-C', this.#control, '--lld', 'iscsi', ...args], { env });
    return stdout;
  }

  /** A target that everybody may use; keys of the negotiation may be set. */
  async addTarget(name: string, keys: Record<string, string> = {}): Promise<number> {
    const tid = ++this.#lastTarget;
    const target = ['--mode', 'target', '--tid', String(tid)];
    await this.admin('--op', 'new', ...target, '-T', name);
    for (const [key, value] of Object.entries(keys)) {
      await this.admin('--op', 'update', ...target, '--name', key, '--value', value);
    }
    await this.admin('--op', 'bind', ...target, '-I', 'ALL');
    return tid;
  }

  /** A thin disk on a fresh sparse file; resolves with its LUN. */
  async addDisk(tid: number, sizeBytes: number): Promise<number> {
    const lun = ++this.#lastLun;
    const file = join(this.#directory, `${lun}.img`);
    writeFileSync(file, '');
    truncateSync(file, sizeBytes);
    const unit = ['--mode', 'logicalunit', '--tid', String(tid), '--lun', String(lun)];
    await this.admin('--op', 'new', ...unit, '-b', file);
    await this.admin('--op', 'update', ...unit, '--params', 'thin_provisioning=1');
    return lun;
  }

  async removeDisk(tid: number, lun: number): Promise<void> {
    const unit = ['--mode', 'logicalunit', '--tid', String(tid), '--lun', String(lun)];
    await this.admin('--op', 'delete', ...unit);
    rmSync(join(this.#directory, `${lun}.img`));
  }

  /** Asks initiators of a target for this name and secret; `outgoing` is the target's own half of mutual CHAP. */
  async addAccount(tid: number, user: string, secret: string, outgoing = false): Promise<void> {
    const account = ['--mode', 'account', '--user', user];
    await this.admin('--op', 'new', ...account, '--password', secret);
    await this.admin('--op', 'bind', ...account, '--tid', String(tid), ...(outgoing ? ['--outgoing'] : []));
  }

  /** It ignores SIGTERM while it has targets. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A TCP port of loopback that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
