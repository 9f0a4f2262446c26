import { parseArgs } from 'node:util';
import { InitiatorError } from '../errors.ts';
import { bench } from './bench-command.ts';
import { inquire, list } from './look-commands.ts';
import { readOut, writeIn } from './copy-commands.ts';
import { number, type CommandLine } from './command-line.ts';

const USAGE = `Usage: lunbox-initiator COMMAND URL [options]

  ls     iscsi://host[:port]                  targets of a portal and their LUNs
  inq    iscsi://host[:port]/target/lun       what a LUN says of itself
  read   iscsi://host[:port]/target/lun       bytes of a LUN to standard output
  write  iscsi://host[:port]/target/lun       standard input to a LUN
  bench  iscsi://host[:port]/target/lun       random reads, counted

  --offset BYTES       where to begin (default 0)
  --length BYTES       how much to read (default: to the end)
  --block BYTES        length of one request of bench (default 4096)
  --depth N            requests of bench at the same time (default 32)
  --seconds N          how long bench runs (default 5)
  --initiator-name IQN who we are
  --target-secret TEXT mutual CHAP: the target must know this secret
  --digests            CRC32C on headers and data
  --connections N      connections of the session (default 1)
  --error-recovery-level N
                       0, 1 or 2: what a lost PDU or a lost connection costs (default 0)

A name and a secret for CHAP stand in the URL: iscsi://name%secret@host/…; iscsis: asks for TLS.`;

const COMMANDS: Readonly<Record<string, (line: CommandLine) => Promise<void>>> = {
  ls: list,
  inq: inquire,
  read: readOut,
  write: writeIn,
  bench,
};

/** Runs the command line; resolves with the exit status: 0, 1 when it failed, 2 when it was not understood. */
export async function run(args: readonly string[]): Promise<number> {
  const line = parse(args);
  const command = COMMANDS[line?.command ?? ''];
  if (line === undefined || command === undefined) {
    console.error(USAGE);
    return 2;
  }
  try {
    await command(line);
    return 0;
  } catch (error) {
    console.error(`${line.command}: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof InitiatorError && error.code === 'INITIATOR_OPTIONS' ? 2 : 1;
  }
}

function parse(args: readonly string[]): CommandLine | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        offset: { type: 'string' },
        length: { type: 'string' },
        block: { type: 'string' },
        depth: { type: 'string' },
        seconds: { type: 'string' },
        'initiator-name': { type: 'string' },
        'target-secret': { type: 'string' },
        digests: { type: 'boolean' },
        connections: { type: 'string' },
        'error-recovery-level': { type: 'string' },
      },
    });
    const [command, url, ...rest] = positionals;
    if (command === undefined || url === undefined || rest.length > 0) return undefined;
    return {
      command,
      url,
      offset: number(values.offset) ?? 0,
      length: number(values.length),
      block: number(values.block) ?? 4096,
      depth: number(values.depth) ?? 32,
      seconds: number(values.seconds) ?? 5,
      initiatorName: values['initiator-name'],
      targetSecret: values['target-secret'],
      digests: values.digests === true,
      connections: number(values.connections) ?? 1,
      errorRecoveryLevel: number(values['error-recovery-level']) ?? 0,
    };
  } catch (error) {
    console.error((error as Error).message);
    return undefined;
  }
}
