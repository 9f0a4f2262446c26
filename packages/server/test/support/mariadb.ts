import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { runOrThrow, startDaemon, toolEnvironment, type Daemon } from './processes.ts';

/** It refuses to run as root unless it is told to. */
const AS_ROOT = process.getuid?.() === 0 ? ['--user=root'] : [];
const SETTINGS = ['--skip-networking', '--innodb-buffer-pool-size=16M', '--innodb-log-file-size=8M'];

/** A MariaDB that serves a data directory through a UNIX socket. */
export class MariaDb {
  /** Option file by which its clients connect. */
  readonly defaultsFile: string;
  readonly #daemon: Daemon;

  private constructor(daemon: Daemon, defaultsFile: string) {
    this.#daemon = daemon;
    this.defaultsFile = defaultsFile;
  }

  /** Makes a data directory. */
  static async init(dataDirectory: string): Promise<void> {
    const args = [`--datadir=${dataDirectory}`, '--skip-test-db', '--auth-root-authentication-method=normal'];
    await runOrThrow('mariadb-install-db', ['--no-defaults', ...args, ...AS_ROOT], { timeoutMs: 120_000 });
  }

  /** Starts it, recovery included; its socket and the option file get names that begin with `prefix`. */
  static async start(dataDirectory: string, prefix: string): Promise<MariaDb> {
    const paths = [`--datadir=${dataDirectory}`, `--socket=${prefix}.sock`, `--pid-file=${prefix}.pid`];
    const daemon = await startDaemon('mariadbd', ['--no-defaults', ...paths, ...SETTINGS, ...AS_ROOT], {
      isReadyLine: (line) => line.includes('ready for connections'),
      timeoutMs: 60_000,
    });
    const defaultsFile = `${prefix}.cnf`;
    writeFileSync(defaultsFile, `[client]\nsocket=${prefix}.sock\nuser=root\n`, { mode: 0o600 });
    return new MariaDb(daemon, defaultsFile);
  }

  get #client(): string[] {
    return [`--defaults-extra-file=${this.defaultsFile}`, '--batch', '--skip-column-names', '--unbuffered'];
  }

  /** Runs SQL and answers what it selects, a line for each row. */
  async query(sql: string): Promise<string> {
    return (await runOrThrow('mariadb', [...this.#client, `--execute=${sql}`])).trim();
  }

  /** Does `work` while its process stands still: what its files hold is of one instant. */
  frozen<T>(work: () => T): T {
    process.kill(this.#daemon.pid, 'SIGSTOP');
    try {
      return work();
    } finally {
      process.kill(this.#daemon.pid, 'SIGCONT');
    }
  }

  /** Commits one number after the other into `journal.n`. */
  journal(): MariaJournal {
    return new MariaJournal(this.#client);
  }

  /** Stops it as an administrator does. */
  async stop(): Promise<void> {
    await this.#daemon.end('SIGTERM', 30_000);
  }
}

/** A client that knows which of its transactions the server has called committed. */
export class MariaJournal {
  /** The newest number whose commit was answered. */
  committed = 0;
  readonly #client: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(args: readonly string[]) {
    this.#client = spawn('mariadb', args, { env: toolEnvironment(), stdio: ['pipe', 'pipe', 'ignore'] });
    // It may be gone before its last line has been answered.
    this.#client.stdin!.on('error', () => undefined);
    this.#ended = new Promise((resolve) => this.#client.once('close', resolve));
    createInterface({ input: this.#client.stdout! }).on('line', (line) => {
      this.committed = Number(line);
      this.#send();
    });
    this.#send();
  }

  #send(): void {
    const next = this.committed + 1;
    this.#client.stdin!.write(`INSERT INTO journal.n VALUES (${next}); SELECT ${next};\n`);
  }

  /** Completes when more was committed than now. Throws when that takes longer than 10 s. */
  async goesOn(): Promise<void> {
    const before = this.committed;
    for (let tries = 0; this.committed === before; tries++) {
      if (tries === 1000) throw new Error(`nothing was committed after ${before}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    this.#client.kill('SIGTERM');
    await this.#ended;
  }
}
