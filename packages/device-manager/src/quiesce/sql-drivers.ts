import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { QuiesceDriver, SuspendLimits, Suspension } from './driver.ts';
import { lastWordsOf } from './last-words.ts';

/** How a database is suspended within one session of its own client; it goes on when that session ends. */
interface Dialect {
  readonly command: readonly string[];
  /** Statements that suspend it. */
  readonly suspend: string;
  readonly resume: string;
  /** Has the client print a line. */
  readonly print: (text: string) => string;
}

const READY = 'lunbox:ready';
const DONE = 'lunbox:done';
const KILL_AFTER_S = 5;

/** Since version 15 the functions have other names. */
const PG_START = `select current_setting('server_version_num')::int >= 150000 as is_new \\gset
\\if :is_new
select pg_backup_start('lunbox', true);
\\else
select pg_start_backup('lunbox', true, false);
\\endif
`;
const PG_STOP = `\\if :is_new
select pg_backup_stop(false);
\\else
select pg_stop_backup(false, false);
\\endif
`;

/**
 * A PostgreSQL: a checkpoint is made, and the backup mode (PostgreSQL manual, 26.3.3) keeps whole pages in the log. It
 * is not held up: it goes on working, and what lies on the disks at one instant is what it recovers from. Mode and
 * session end together.
 *
 * @param connection - as `psql --dbname` takes it; passwords come from a `.pgpass` file
 */
export function postgresqlDriver(connection: string, program: readonly string[] = ['psql']): QuiesceDriver {
  return sqlDriver(`postgresql ${connection}`, {
    command: [
      ...program,
      '--no-psqlrc',
      '--quiet',
      '--tuples-only',
      '--set=ON_ERROR_STOP=1',
      `--dbname=${connection}`,
    ],
    suspend: PG_START,
    resume: PG_STOP,
    print: (text) => `\\echo ${text}\n`,
  });
}

/**
 * A MySQL or MariaDB: all tables are written out and locked against changes, for as long as the session lives.
 *
 * @param defaultsFile - option file with the connection and its password
 */
export function mysqlDriver(defaultsFile: string, program: readonly string[] = ['mysql']): QuiesceDriver {
  return sqlDriver(`mysql ${defaultsFile}`, {
    command: [
      ...program,
      `--defaults-extra-file=${defaultsFile}`,
      '--batch',
      '--skip-column-names',
      '--unbuffered',
    ],
    suspend: 'FLUSH TABLES WITH READ LOCK;\n',
    resume: 'UNLOCK TABLES;\n',
    print: (text) => `SELECT '${text}';\n`,
  });
}

function sqlDriver(name: string, dialect: Dialect): QuiesceDriver {
  return {
    name,
    layer: 'application',
    async suspend(limits): Promise<Suspension> {
      const session = new SqlSession(dialect, limits);
      await session.suspend(limits.readyTimeoutMs);
      return session;
    },
  };
}

/** A database client that ends with this process: its input does. */
class SqlSession implements Suspension {
  readonly #dialect: Dialect;
  readonly #child: ChildProcess;
  readonly #ended: Promise<'ended'>;
  readonly #lines = new Map<string, () => void>();
  readonly #lastWords: () => string;

  constructor(dialect: Dialect, { readyTimeoutMs, holdLimitMs }: SuspendLimits) {
    this.#dialect = dialect;
    // A client that still waits for the server when its time is over is ended from outside.
    const limitS = (readyTimeoutMs + holdLimitMs) / 1000;
    const args = ['-k', String(KILL_AFTER_S), String(limitS), ...dialect.command];
    this.#child = spawn('timeout', args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdin!.on('error', () => undefined);
    this.#lastWords = lastWordsOf(this.#child.stderr!);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#lines.get(line.trim())?.());
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', () => resolve('ended'));
    });
    this.#ended.catch(() => undefined);
  }

  async suspend(timeoutMs: number): Promise<void> {
    const { suspend } = this.#dialect;
    const late = AbortSignal.timeout(timeoutMs);
    const outcome = await Promise.race([this.#run(suspend, READY), timeIsUp(late)]);
    if (outcome === READY) return;
    this.#child.kill();
    throw new Error(
      outcome === 'late' ? 'it was not ready in time' : `its client has ended${this.#lastWords()}`,
    );
  }

  async resume(): Promise<boolean> {
    const outcome = await this.#run(this.#dialect.resume, DONE);
    this.#child.stdin!.end();
    await this.#ended;
    return outcome === DONE;
  }

  /** Has statements run; completes with the text when they are done, or when the client has ended. */
  async #run<T extends string>(statements: string, text: T): Promise<T | 'ended'> {
    const printed = new Promise<T>((resolve) => this.#lines.set(text, () => resolve(text)));
    this.#child.stdin!.write(statements + this.#dialect.print(text));
    return await Promise.race([printed, this.#ended]);
  }
}

function timeIsUp(signal: AbortSignal): Promise<'late'> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve('late'), { once: true }));
}
