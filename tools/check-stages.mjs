// The stages that run no test: lint and types. A check is a command that must end with 0.
import { uncompiledProjects } from './packages.mjs';
import { runBin, secondsSince } from './process.mjs';

/**
 * @typedef {object} Check
 * @property {string} what one line for people
 * @property {string} program name under `node_modules/.bin`
 * @property {string[]} args
 */

/**
 * Checks of one group run side by side, groups run one after the other.
 * @returns {Record<'lint' | 'types', Check[][]>}
 */
function checks() {
  return {
    lint: [
      [
        { what: 'eslint', program: 'eslint', args: ['.'] },
        { what: 'prettier', program: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
        {
          what: 'unused files, exports and dependencies',
          program: 'knip',
          args: ['--no-progress', '--no-config-hints'],
        },
      ],
    ],
    types: [
      [{ what: 'packages', program: 'tsc', args: ['-b'] }],
      [
        { what: 'tests, examples and tools', program: 'tsc', args: ['-b', ...uncompiledProjects()] },
        { what: 'documentation of the public API', program: 'typedoc', args: ['--emit', 'none'] },
      ],
    ],
  };
}

/**
 * Runs the checks of a stage and prints one line for each, with its output when it failed.
 * @param {'lint' | 'types'} stage
 * @param {number} limitMs for each check
 * @returns {Promise<number>} how many checks failed; a group after a failed one is not run and not counted
 */
export async function runChecks(stage, limitMs) {
  for (const group of checks()[stage]) {
    const failed = await Promise.all(
      group.map(async ({ what, program, args }) => {
        const startMs = performance.now();
        const { code, output, timedOut } = await runBin(program, args, { limitMs });
        const passed = code === 0 && !timedOut;
        console.log(` ${passed ? '✓' : '✗'} ${what} (${secondsSince(startMs).toFixed(1)} s)`);
        if (!passed) console.log(timedOut ? `${output}\nstopped: out of time` : output);
        return !passed;
      }),
    );
    const failures = failed.filter(Boolean).length;
    if (failures > 0) return failures;
  }
  return 0;
}
