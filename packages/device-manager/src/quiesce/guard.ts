import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { SuspendLimits, Suspension } from './driver.ts';
import { lastWordsOf } from './last-words.ts';

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/** The commands that suspend something and resume it. */
export interface CommandPair {
  readonly freeze: Command;
  /** Runs after every attempt, also one that has failed. */
  readonly thaw: Command;
}

const READY = 'ready';
/** How a guard ends. */
const Exit = { NOT_FROZEN: 3, LATE: 4, NOT_THAWED: 5 } as const;
/** A command that does not end when it is asked to is killed after this time. */
const KILL_AFTER_S = 5;
const THAW_LIMIT_MS = 60_000;

/**
 * Suspends something by a command, in a shell of its own that resumes it: when it is told to, when whoever asked has
 * ended, or when the limit is over. The shell belongs to no terminal, so it outlives this process; freezing and thawing
 * are done by it one after the other, so that a freeze that is slow is never left behind.
 *
 * Throws an Error with what the command said when it could not be suspended; the thaw has run then.
 */
export async function suspendGuarded(
  { freeze, thaw }: CommandPair,
  { readyTimeoutMs, holdLimitMs }: SuspendLimits,
): Promise<Suspension> {
  const thawed = `${limited(THAW_LIMIT_MS)} ${quoted(thaw)} </dev/null >&2`;
  const script = [
    `${limited(readyTimeoutMs)} ${quoted(freeze)} </dev/null >&2 || failed=${Exit.NOT_FROZEN}`,
    `if [ -z "$failed" ]; then`,
    `  echo ${READY}`,
    `  timeout ${seconds(holdLimitMs)} cat >/dev/null`,
    `  [ $? -eq 124 ] && failed=${Exit.LATE}`,
    'fi',
    `${thawed} || [ "$failed" = ${Exit.NOT_FROZEN} ] || failed=${Exit.NOT_THAWED}`,
    'exit "${failed:-0}"',
  ].join('\n');
  const guard = new Guard(spawn('sh', ['-c', script], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] }));
  await guard.ready();
  return guard;
}

/** A shell that resumes what it has suspended. */
class Guard implements Suspension {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  readonly #lastWords: () => string;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.on('error', () => undefined);
    this.#lastWords = lastWordsOf(child.stderr!);
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? -1));
    });
  }

  async ready(): Promise<void> {
    const lines = createInterface({ input: this.#child.stdout! });
    const isReady = await Promise.race([
      once(lines, 'line').then(() => true),
      this.#ended.then(() => false),
    ]).finally(() => lines.close());
    if (!isReady) throw new Error(`it was not suspended${this.#lastWords()}`);
  }

  async resume(): Promise<boolean> {
    this.#child.stdin!.end();
    const code = await this.#ended;
    if (code === 0) return true;
    if (code === Exit.LATE) return false;
    throw new Error(`it was not resumed${this.#lastWords()}`);
  }
}

function limited(timeoutMs: number): string {
  return `timeout -k ${KILL_AFTER_S} ${seconds(timeoutMs)}`;
}

function seconds(ms: number): string {
  return String(Math.max(1, ms) / 1000);
}

/** Words as a POSIX shell takes them, whatever is in them. */
function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}
