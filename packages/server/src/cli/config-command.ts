import type { Command } from 'commander';
import { configJsonSchema } from '../config/describe-schema.ts';
import { describeProblem, inspectConfig, problemsOf } from './read-config.ts';
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
    .command('schema')
    .description('print the JSON Schema of configuration files, for editors')
    .action(() => {
      console.log(JSON.stringify(configJsonSchema(), undefined, 2));
    });
}

function checkFile(file: string, json: boolean): number {
  const problems = problemsOf(inspectConfig(file));
  if (json) console.log(JSON.stringify({ file, problems }));
  else if (problems.length === 0) console.log(`${file}: nothing is wrong with it`);
  else for (const problem of problems) console.error(describeProblem(file, problem));
  return problems.length === 0 ? ExitCode.OK : ExitCode.USAGE;
}
