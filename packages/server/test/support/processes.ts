import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { toolPath } from './requires.ts';

/** How {@link run} starts a program. */
export interface RunOptions {
  /** The program is killed after this long. Default 30 000. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** At most this much of each stream is kept; the tail is dropped. Default 16 MiB. */
  readonly maxOutputChars?: number;
}

/** What a program left behind. */
export interface Finished {
  /** Exit status; `null` when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams in order of arrival. */
  readonly output: string;
  readonly timedOut: boolean;
  readonly elapsedMs: number;
}

/** The environment of every foreign program: English messages and a complete `PATH`. */
export function toolEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, PATH: toolPath, LC_ALL: 'C', ...extra };
}

/** Runs a program to its end. Fails only when it cannot be started; judge the rest by {@link Finished}. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { timeoutMs = 30_000, maxOutputChars = 16 << 20 } = options;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: toolEnvironment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const texts = { stdout: '', stderr: '', output: '' };
    const collect = (name: 'stdout' | 'stderr', chunk: string): void => {
      if (texts[name].length < maxOutputChars) texts[name] += chunk;
      if (texts.output.length < maxOutputChars) texts.output += chunk;
    };
    child.stdout.setEncoding('latin1').on('data', (chunk: string) => collect('stdout', chunk));
    child.stderr.setEncoding('latin1').on('data', (chunk: string) => collect('stderr', chunk));
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, ...texts, timedOut, elapsedMs: performance.now() - startedAt });
    });
  });
}

/** Runs a program that must succeed, and returns what it printed on standard output. */
export async function runOrThrow(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await run(command, args, options);
  if (result.status !== 0) {
    const how = result.timedOut ? 'ran out of time' : `ended with ${result.signal ?? String(result.status)}`;
    throw new Error(`${command} ${args.join(' ')} ${how}:\n${result.output.slice(-4000)}`);
  }
  return result.stdout;
}

/** A program that goes on running: a target, a capture. */
export interface Daemon {
  readonly pid: number;
  /** True until the process has ended. */
  readonly running: () => boolean;
  /** What it has printed so far on both streams, bounded to the last 64 KiB. */
  readonly log: () => string;
  /** Sends a signal and waits for the end; SIGKILL follows after `graceMs`. Returns the exit status. */
  end(signal: NodeJS.Signals, graceMs?: number): Promise<number | null>;
}

/** How {@link startDaemon} knows that the program serves. */
export interface DaemonOptions {
  /** Called with each printed line; true means ready. */
  readonly isReadyLine?: (line: string) => boolean;
  /** Asked every 20 ms, for programs that print nothing; true means ready. */
  readonly probe?: () => Promise<boolean>;
  /** Default 15 000. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts a program and waits until it says, or a probe finds, that it is ready. */
export async function startDaemon(
  command: string,
  args: readonly string[],
  options: DaemonOptions,
): Promise<Daemon> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: toolEnvironment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const watched = watch(child);
  const failure = await becameReady(watched, options);
  if (failure === undefined) return watched;
  await watched.end('SIGKILL');
  throw new Error(`${command} ${args.join(' ')}: ${failure}\n${watched.log()}`);
}

interface WatchedDaemon extends Daemon {
  readonly onLine: (listener: (line: string) => void) => void;
  readonly exited: Promise<number | null>;
}

function watch(child: ChildProcess): WatchedDaemon {
  const listeners: ((line: string) => void)[] = [];
  let text = '';
  const take = (line: string): void => {
    text = `${text}${line}\n`.slice(-65_536);
    for (const listener of listeners) listener(line);
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', take);
  }
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
    child.once('error', (error) => {
      take(error.message);
      resolve(null);
    });
  });
  // A test that ran out of time, or whose set-up failed, must not leave a server behind.
  const reap = (): void => void child.kill('SIGKILL');
  process.once('exit', reap);
  void exited.then(() => process.off('exit', reap));
  const running = (): boolean =>
    child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    exited,
    running,
    log: () => text,
    onLine: (listener) => listeners.push(listener),
    async end(signal, graceMs = 10_000) {
      if (running()) child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const status = await exited;
      clearTimeout(timer);
      return status;
    },
  };
}

/** Resolves to `undefined` when ready, else to the reason why not. */
function becameReady(daemon: WatchedDaemon, options: DaemonOptions): Promise<string | undefined> {
  const { isReadyLine, probe, timeoutMs = 15_000 } = options;
  return new Promise((resolve) => {
    let settled = false;
    const settle = (failure?: string): void => {
      settled = true;
      clearTimeout(timer);
      resolve(failure);
    };
    const timer = setTimeout(() => settle(`not ready after ${timeoutMs} ms`), timeoutMs);
    void daemon.exited.then((status) => settle(`ended with status ${String(status)}`));
    if (isReadyLine) {
      daemon.onLine((line) => {
        if (isReadyLine(line)) settle();
      });
    }
    const ask = async (): Promise<void> => {
      if (settled || !probe) return;
      if (await probe()) settle();
      else setTimeout(() => void ask(), 20);
    };
    void ask();
  });
}
