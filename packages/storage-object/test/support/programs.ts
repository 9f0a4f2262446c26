import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** True when a program is installed. With `CI=true` a missing one is a failure: there nothing may be left out. */
export function isInstalled(program: string): boolean {
  const found = spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
  if (!found && process.env['CI'] === 'true') throw new Error(`${program} is not installed`);
  return found;
}

/** How a program ended, and what it said. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function runProgram(program: string, args: readonly string[]): Promise<Outcome> {
  try {
    return { exitCode: 0, ...(await execute(program, [...args], { timeout: 15_000 })) };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
    return { exitCode: typeof code === 'number' ? code : 1, stdout, stderr };
  }
}
