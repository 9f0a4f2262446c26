import { existsSync } from 'node:fs';
import { ServerError } from '../server-error.ts';
import { SourceFiles } from './source-files.ts';
import { checkConfig, type CheckedConfig, type ConfigProblem } from '../config/check-config.ts';
import type { Config } from '../config/schema.ts';

/** Reads and checks a configuration file. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` when it cannot be read. */
export function inspectConfig(fileName: string): CheckedConfig {
  return checkConfig(new SourceFiles().read(fileName, 'the configuration'), fileName);
}

/** All that is wrong with a configuration, in the order of its lines: files that are not there included. */
export function problemsOf({ problems, files }: CheckedConfig): ConfigProblem[] {
  const missing = files.filter(({ name }) => !existsSync(name)).map((file) => file.missing);
  return [...problems, ...missing].sort((a, b) => a.line - b.line || a.column - b.column);
}

/**
 * Reads a configuration that is to be used. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` that tells all that is
 * wrong with it, a line each.
 */
export function readConfig(fileName: string): Config {
  const checked = inspectConfig(fileName);
  const problems = problemsOf(checked);
  if (problems.length === 0) return checked.config;
  const lines = problems.map((problem) => describeProblem(fileName, problem));
  throw new ServerError('SERVER_BAD_OPTIONS', lines.join('\n'));
}

/** `file:line:column: key: what is wrong`, as compilers write it. */
export function describeProblem(fileName: string, { line, column, path, message }: ConfigProblem): string {
  return `${fileName}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}
