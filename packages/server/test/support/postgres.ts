import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run, runOrThrow, startDaemon, toolEnvironment, type Daemon } from './processes.ts';

/** PostgreSQL does not run as root: it is given to the user that has nothing. */
const NOBODY = 65_534;
const asNobody = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];

/** Where Debian keeps the programs of the newest PostgreSQL; `undefined` when there is none. */
function findPrograms(): string | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const folders = versions.map((version) => `/usr/lib/postgresql/${version}/bin`);
  return folders.sort().findLast((folder) => existsSync(join(folder, 'pgbench')));
}

/** True when PostgreSQL is installed; with `CI=true` it is a failure when it is not. */
export function requiresPostgres(): boolean {
  const found = findPrograms() !== undefined;
  if (!found && process.env['CI'] === 'true') throw new Error('interop tests need the package postgresql');
  return found;
}

const program = (name: string): string => join(findPrograms() ?? '', name);

/** A PostgreSQL that serves a data directory through a UNIX socket. */
export class Postgres {
  readonly #daemon: Daemon;
  readonly #socketDirectory: string;

  private constructor(daemon: Daemon, socketDirectory: string) {
    this.#daemon = daemon;
    this.#socketDirectory = socketDirectory;
  }

  /** Makes a data directory, which must not exist, and the folder of the socket. */
  static async init(dataDirectory: string): Promise<void> {
    mkdirSync(dataDirectory, { mode: 0o700 });
    chownSync(dataDirectory, NOBODY, NOBODY);
    const args = ['-D', dataDirectory, '-U', 'nobody', '-A', 'trust', '--wal-segsize=1', '--data-checksums'];
    await runOrThrow('setpriv', [...asNobody, program('initdb'), ...args], {
      timeoutMs: 120_000,
      cwd: '/',
    });
  }

  /** Starts it, recovery included. */
  static async start(dataDirectory: string, socketDirectory: string): Promise<Postgres> {
    mkdirSync(socketDirectory, { mode: 0o700 });
    chownSync(socketDirectory, NOBODY, NOBODY);
    const settings = ['listen_addresses=', `unix_socket_directories=${socketDirectory}`, 'max_wal_size=24MB'];
    const args = ['-D', dataDirectory, ...settings.flatMap((setting) => ['-c', setting])];
    const daemon = await startDaemon('setpriv', [...asNobody, program('postgres'), ...args], {
      isReadyLine: (line) => line.includes('ready to accept connections'),
      timeoutMs: 60_000,
      cwd: '/',
    });
    return new Postgres(daemon, socketDirectory);
  }

  get #connection(): string[] {
    return ['-h', this.#socketDirectory, '-U', 'nobody'];
  }

  /** What it has said, recovery included. */
  log(): string {
    return this.#daemon.log();
  }

  /** Runs SQL and answers what it selects, a line for each row. */
  async query(sql: string): Promise<string> {
    const args = [
      ...this.#connection,
      '-d',
      'postgres',
      '-X',
      '-A',
      '-t',
      '-v',
      'ON_ERROR_STOP=1',
      '-c',
      sql,
    ];
    return (await runOrThrow(program('psql'), args, { timeoutMs: 60_000 })).trim();
  }

  /** Makes pgbench's tables: 100,000 accounts for each unit of scale. */
  async initBench(scale: number): Promise<void> {
    const args = [...this.#connection, '-i', '-q', '-s', String(scale), 'postgres'];
    await runOrThrow(program('pgbench'), args, { timeoutMs: 120_000 });
  }

  /** Runs pgbench's transactions until its answer is called. */
  async bench(clients: number): Promise<() => Promise<void>> {
    const args = [...this.#connection, '-n', '-c', String(clients), '-P', '1', '-T', '600', 'postgres'];
    const load = await startDaemon(program('pgbench'), args, {
      isReadyLine: (line) => /^progress: .* tps/.test(line),
    });
    return async () => {
      if (!load.running()) throw new Error(`pgbench ended by itself:\n${load.log()}`);
      await load.end('SIGTERM');
    };
  }

  /** Tells what the server's own checker says of all tables and indexes; nothing is good. */
  async amcheck(): Promise<string> {
    const args = [...this.#connection, '--install-missing', '--heapallindexed', '-d', 'postgres'];
    const { status, output } = await run(program('pg_amcheck'), args, { timeoutMs: 60_000 });
    return status === 0 ? '' : `ended with ${status}: ${output}`;
  }

  /** Commits one number after the other, each in a transaction of its own. */
  journal(): CommitJournal {
    return new CommitJournal([...this.#connection, '-d', 'postgres', '-X', '-A', '-t', '-q']);
  }

  /** Stops it as an administrator does. */
  async stop(): Promise<void> {
    await this.#daemon.end('SIGINT', 30_000);
  }
}

/** A client that knows which of its transactions the server has called committed. */
export class CommitJournal {
  /** The newest number whose commit was answered. */
  committed = 0;
  /** The newest number that was sent. */
  sent = 0;
  readonly #client;
  readonly #ended: Promise<unknown>;
  #stopping = false;

  constructor(connection: readonly string[]) {
    this.#client = spawn(program('psql'), connection, {
      env: toolEnvironment(),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#ended = new Promise((resolve) => this.#client.once('close', resolve));
    createInterface({ input: this.#client.stdout }).on('line', (line) => this.#onLine(line));
    this.#client.stdin.write('create table journal (number int primary key);\n');
    this.#commitNext();
  }

  /** Stops after the transaction that is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#ended;
  }

  #onLine(line: string): void {
    this.committed = Number(line);
    if (this.#stopping) this.#client.stdin.end();
    else this.#commitNext();
  }

  #commitNext(): void {
    this.#client.stdin.write(`insert into journal values (${++this.sent}) returning number;\n`);
  }
}
