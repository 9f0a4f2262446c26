import { isUnsupported } from '../disk/lun-client.ts';
import { InitiatorError } from '../errors.ts';
import { bench } from './bench-command.ts';
import type { CommandLine } from './command-line.ts';
import { readOut, writeIn } from './copy-commands.ts';
import { decodeCdb, decodeSense } from './decode-commands.ts';
import { information, list } from './look-commands.ts';
import { parseLine, UsageError, type CommandShape, type OptionName } from './parse-line.ts';
import { inquire, QUERY_COMMANDS } from './query-commands.ts';
import { USAGE } from './usage.ts';

interface Command extends CommandShape {
  readonly run: (line: CommandLine) => Promise<void>;
}

/** Options of whatever logs in. */
const SESSION: readonly OptionName[] = [
  'initiator-name',
  'target-secret',
  'digests',
  'connections',
  'error-recovery-level',
];
/** Options of whatever a LUN answers. */
const ANSWER: readonly OptionName[] = [...SESSION, 'json', 'hex', 'raw'];

const PORT_GROUPS: Command = { run: QUERY_COMMANDS.tpg, takes: 'url', options: ANSWER };

const COMMANDS: Readonly<Record<string, Command>> = {
  ls: { run: list, takes: 'url', options: SESSION },
  info: { run: information, takes: 'url', options: SESSION },
  read: { run: readOut, takes: 'url', options: [...SESSION, 'offset', 'length'] },
  write: { run: writeIn, takes: 'url', options: [...SESSION, 'offset'] },
  bench: { run: bench, takes: 'url', options: [...SESSION, 'block', 'depth', 'seconds'] },
  inq: { run: inquire, takes: 'url-and-argument', options: [...ANSWER, 'vpd', 'all'] },
  modes: { run: QUERY_COMMANDS.modes, takes: 'url-and-argument', options: [...ANSWER, 'values'] },
  logs: { run: QUERY_COMMANDS.logs, takes: 'url-and-argument', options: [...ANSWER, 'all'] },
  opcodes: { run: QUERY_COMMANDS.opcodes, takes: 'url-and-argument', options: ANSWER },
  luns: { run: QUERY_COMMANDS.luns, takes: 'url', options: ANSWER },
  readcap: { run: QUERY_COMMANDS.readcap, takes: 'url', options: ANSWER },
  tpg: PORT_GROUPS,
  alua: PORT_GROUPS,
  pr: { run: QUERY_COMMANDS.pr, takes: 'url-and-argument', options: ANSWER },
  sense: { run: decodeSense, takes: 'words', options: ['json'] },
  cdb: { run: decodeCdb, takes: 'words', options: ['json'] },
};

/** Runs the command line; resolves with the exit status, which the usage explains. */
export async function run(args: readonly string[]): Promise<number> {
  let name = 'lunbox-initiator';
  try {
    const parsed = parseLine(args, COMMANDS);
    if (parsed === 'help') {
      console.log(USAGE);
      return 0;
    }
    name = parsed.line.command;
    await parsed.command.run(parsed.line);
    return 0;
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof UsageError) console.error('lunbox-initiator --help tells how.');
    return statusOf(error);
  }
}

function statusOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  if (error instanceof InitiatorError && error.code === 'INITIATOR_OPTIONS') return 2;
  return isUnsupported(error) ? 3 : 1;
}
