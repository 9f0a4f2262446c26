import { parseArgs } from 'node:util';
import type { CommandLine } from './command-line.ts';
import type { OutputForm } from './show.ts';

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  offset: { type: 'string' },
  length: { type: 'string' },
  block: { type: 'string' },
  depth: { type: 'string' },
  seconds: { type: 'string' },
  values: { type: 'string' },
  vpd: { type: 'boolean' },
  all: { type: 'boolean' },
  json: { type: 'boolean' },
  hex: { type: 'boolean' },
  raw: { type: 'boolean' },
  'initiator-name': { type: 'string' },
  'target-secret': { type: 'string' },
  digests: { type: 'boolean' },
  connections: { type: 'string' },
  'error-recovery-level': { type: 'string' },
} as const;

/** An option, without its dashes. */
export type OptionName = keyof typeof OPTIONS;

/** What a command takes. */
export interface CommandShape {
  readonly takes: 'url' | 'url-and-argument' | 'words';
  readonly options: readonly OptionName[];
}

/** The command line makes no sense. */
export class UsageError extends Error {
  /** Always `UsageError`. */
  override readonly name = 'UsageError';
}

/** Takes a command line apart; throws a {@link UsageError} for what its command does not take. */
export function parseLine<Command extends CommandShape>(
  args: readonly string[],
  commands: Readonly<Record<string, Command>>,
): { command: Command; line: CommandLine } | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help === true) return 'help';
  const [name, ...rest] = positionals;
  if (name === undefined) throw new UsageError('a command is missing');
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new UsageError(`there is no command "${name}"`);
  return { command, line: lineOf(name, command, rest, values) };
}

type Values = ReturnType<typeof parsed>['values'];

function lineOf(command: string, shape: CommandShape, rest: readonly string[], values: Values): CommandLine {
  for (const option of Object.keys(values) as OptionName[]) {
    if (!shape.options.includes(option)) throw new UsageError(`--${option} is not for ${command}`);
  }
  const words = shape.takes === 'words' ? rest : [];
  const [url = '', argument, ...tooMany] = shape.takes === 'words' ? [] : rest;
  if (shape.takes !== 'words' && url === '') throw new UsageError('a URL is missing');
  const unexpected = shape.takes === 'url' ? argument : tooMany[0];
  if (unexpected !== undefined) throw new UsageError(`"${unexpected}" is one argument too many`);
  return {
    command,
    url,
    argument,
    words,
    offset: number(values.offset) ?? 0,
    length: number(values.length),
    block: number(values.block) ?? 4096,
    depth: number(values.depth) ?? 32,
    seconds: number(values.seconds) ?? 5,
    vpd: values.vpd === true,
    all: values.all === true,
    values: values.values,
    output: outputForm(values),
    initiatorName: values['initiator-name'],
    targetSecret: values['target-secret'],
    digests: values.digests === true,
    connections: number(values.connections) ?? 1,
    errorRecoveryLevel: number(values['error-recovery-level']) ?? 0,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function outputForm(values: Partial<Record<'json' | 'hex' | 'raw', boolean>>): OutputForm {
  const [form, other] = (['json', 'hex', 'raw'] as const).filter((name) => values[name] === true);
  if (other !== undefined) throw new UsageError(`--${form} and --${other} exclude each other`);
  return form ?? 'text';
}

/** A whole number that is not negative; undefined stays undefined. */
function number(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UsageError(`"${text}" is not a whole number`);
  return Number(text);
}
