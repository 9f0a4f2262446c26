import type { Command } from 'commander';
import { resolve } from 'node:path';
import { configJsonSchema } from '../config/describe-schema.ts';
import { ServerError } from '../server-error.ts';
import type { ConfigChange } from './config-reload.ts';
import { ControlConnection } from './control-connection.ts';
import { checkControlRequest } from './control-request.ts';
import { describeProblem, inspectConfig, problemsOf, readConfig } from './read-config.ts';
import { ExitCode } from './exit-code.ts';

/** Adds `lunbox config` to the program. */
export function addConfig(program: Command, setExitCode: (code: number) => void): void {
  const config = program.command('config').description('look after the configuration file of a server');
  config
    .command('check <file>')
    .description('say all that is wrong with a configuration file; starts nothing')
    .option('--json', 'print JSON')
    .action((file: string, flags: { readonly json?: boolean }) => {
      setExitCode(checkFile(file, flags.json === true));
    });
  config
    .command('diff <file>')
    .description('say what differs between a configuration file and the server that runs; changes nothing')
    .option('--control <socket>', 'of the server (default: the one that the file names)')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: ServerFlags) => {
      await askServer('config-diff', file, flags);
    });
  config
    .command('apply <file>')
    .description('make the server that runs as a configuration file says; sessions stay')
    .option('--control <socket>', 'of the server (default: the one that the file names)')
    .option('--force', 'also detach disks that are in use')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: ServerFlags) => {
      await askServer('config-apply', file, flags);
    });
  config
    .command('schema')
    .description('print the JSON Schema of configuration files, for editors')
    .action(() => {
      console.log(JSON.stringify(configJsonSchema(), undefined, 2));
    });
}

interface ServerFlags {
  readonly control?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** The file is checked here, too: its complaints come without a server. */
async function askServer(
  verb: 'config-diff' | 'config-apply',
  file: string,
  { control, force, json = false }: ServerFlags,
): Promise<void> {
  const path = resolve(file);
  const socket = control ?? readConfig(file).control;
  if (socket === undefined)
    throw new ServerError('SERVER_BAD_OPTIONS', `${file} names no control socket; say --control SOCKET`);
  const request = checkControlRequest({ verb, path, ...(force === true ? { force } : {}) });
  const { result } = await (await ControlConnection.open(socket, request)).answer();
  const { changes } = result as { readonly changes: readonly ConfigChange[] };
  if (json) console.log(JSON.stringify({ file: path, changes }));
  else if (changes.length === 0) console.log('nothing differs');
  else for (const { key, what, when } of changes) console.log(`${when.padEnd(7)}  ${key}: ${what}`);
}

function checkFile(file: string, json: boolean): number {
  const problems = problemsOf(inspectConfig(file));
  if (json) console.log(JSON.stringify({ file, problems }));
  else if (problems.length === 0) console.log(`${file}: nothing is wrong with it`);
  else for (const problem of problems) console.error(describeProblem(file, problem));
  return problems.length === 0 ? ExitCode.OK : ExitCode.USAGE;
}
