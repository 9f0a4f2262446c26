// Child processes for the repository's scripts: one command, its output, its time, and no process left behind.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository's root, with a trailing separator. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * What a command came to. `code` is null when a signal ended it, `output` is empty when it went to the terminal.
 * @typedef {{ code: number | null, output: string, timedOut: boolean }} Outcome
 */

/** Process groups that are running now, so that an interrupt ends them all. @type {Set<number>} */
const groups = new Set();

/** @param {number} group @param {NodeJS.Signals} signal */
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch {
    // The group has ended by itself.
  }
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => {
    for (const group of groups) signalGroup(group, 'SIGTERM');
    process.exit(130);
  });
}

/**
 * Runs one command in the repository's root, in a process group of its own, and waits for its end. A program that
 * cannot be started ends with code 127, as in a shell. A program that outlives its limit is asked to stop, and
 * made to stop ten seconds later.
 * @param {string} program
 * @param {string[]} args
 * @param {{ show?: boolean, limitMs?: number, env?: NodeJS.ProcessEnv }} [options] `show` sends the output to the
 *   terminal as it comes, otherwise it is collected.
 * @returns {Promise<Outcome>}
 */
export function run(program, args, { show = false, limitMs = Infinity, env = process.env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env,
      detached: true,
      stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
    });
    const group = child.pid;
    if (group !== undefined) groups.add(group);

    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text));

    let timedOut = false;
    /** @type {NodeJS.Timeout[]} */
    const timers = [];
    if (group !== undefined && limitMs !== Infinity) {
      timers.push(
        setTimeout(() => {
          timedOut = true;
          signalGroup(group, 'SIGTERM');
        }, limitMs),
        setTimeout(() => signalGroup(group, 'SIGKILL'), limitMs + 10_000),
      );
    }

    /** @param {number | null} code */
    const finish = (code) => {
      timers.forEach(clearTimeout);
      if (group !== undefined) groups.delete(group);
      resolve({ code, output, timedOut });
    };
    child.on('error', (error) => {
      output += `${error.message}\n`;
      finish(127);
    });
    child.on('close', finish);
  });
}

/**
 * Runs a program that an installed package brings, without the start-up of `npx`.
 * @param {string} name the name under `node_modules/.bin`
 * @param {string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function runBin(name, args, options) {
  return run(`${root}node_modules/.bin/${name}`, args, options);
}

/** @param {number} sinceMs a reading of `performance.now()` */
export function secondsSince(sinceMs) {
  return (performance.now() - sinceMs) / 1000;
}
