import { ChapAlgorithm } from '@lunbox/iscsi-target';
import { Option, type Command } from 'commander';
import type { AccessFlags } from './access-flags.ts';
import { ServerError } from '../server-error.ts';
import { collect, collectLuns, positiveInteger, sizeArgument } from './arguments.ts';
import type { NbsFlags } from './nbs-flags.ts';
import type { PortalFlags } from './portal-flags.ts';

/** Names of CHAP algorithms, the weakest first, as `--chap-minimum` takes them. */
export const CHAP_NAMES: Readonly<Record<string, ChapAlgorithm>> = {
  md5: ChapAlgorithm.MD5,
  sha1: ChapAlgorithm.SHA1,
  sha256: ChapAlgorithm.SHA256,
  'sha3-256': ChapAlgorithm.SHA3_256,
};

/** Flags of `lunbox serve`. */
export interface ServeFlags extends AccessFlags, PortalFlags, NbsFlags {
  readonly config?: string;
  readonly advertise?: readonly string[];
  readonly iqn?: string;
  readonly readOnly?: boolean;
  readonly writeProtect?: readonly number[];
  readonly removable?: readonly number[];
  readonly writeSameRest?: readonly number[];
  readonly backgroundRate?: number;
  readonly cdrom?: readonly string[];
  readonly keepIdentity?: boolean;
  readonly forgetState?: boolean;
  readonly ignoreLocation?: boolean;
  readonly chapMinimum?: string;
  /** False when `--no-auth` was said. */
  readonly auth: boolean;
  readonly limit?: readonly string[];
  readonly requireDigests?: boolean;
  readonly control?: string;
  readonly captureSeconds?: number;
  readonly captureSize: number;
  readonly json?: boolean;
}

/** What is kept of what goes over the wire when nothing else is said. */
export const DEFAULT_CAPTURE_BYTES: number = 64 * 2 ** 20;

/** Adds every flag of `lunbox serve` to its command. */
export function addServeFlags(command: Command): Command {
  addNbsFlags(addPortalFlags(command))
    .option('--config <file>', 'YAML file that says all of this, instead of files and flags')
    .option('--iqn <iqn>', 'name of the target (default: made from the identity of the first disk)')
    .option('--read-only', 'refuse every change to the disks')
    .option('--write-protect <lun>', 'refuse every change to this disk (repeatable)', collectLuns)
    .option('--removable <lun>', 'initiators may eject this disk; docs/cli.md (repeatable)', collectLuns)
    .option(
      '--write-same-rest <lun>',
      'WRITE SAME of 0 blocks fills this disk to its end (repeatable)',
      collectLuns,
    )
    .addOption(
      new Option(
        '--background-rate <size>',
        'most per second that formatting and sanitizing takes',
      ).argParser(sizeArgument),
    )
    .option('--cdrom <image>', 'serve a disc image, as files that end in .iso are (repeatable)', collect)
    .option('--keep-identity', 'a copied file keeps the identity of its original (never serve both)')
    .option('--ignore-location', 'LUN 0, 1, … in the order of the files, whatever LUN they say they are')
    .option(
      '--forget-state',
      'drop reservations, saved mode pages and identifying information that the files hold',
    );
  addAccessFlags(command)
    .option('--limit <name=number>', 'a bound, such as maxSessions=64; docs/cli.md (repeatable)', collect)
    .option('--require-digests', 'refuse sessions without CRC32C digests of headers and data')
    .option('--control <path>', 'socket at which lunbox control reaches this server')
    .option('--capture-seconds <n>', 'keep what goes over the wire, for lunbox control', positiveInteger)
    .addOption(
      new Option('--capture-size <size>', 'most that --capture-seconds keeps')
        .argParser(sizeArgument)
        .default(DEFAULT_CAPTURE_BYTES, '64M'),
    )
    .option('--json', 'print one line of JSON when the disks can be reached');
  return command;
}

/** Throws a {@link ServerError} `SERVER_BAD_OPTIONS` for what the file of `--config` says, or would have to say. */
export function refuseBesideConfig(command: Command, paths: readonly string[]): void {
  const stray = command.options.find(
    (option) =>
      !['config', 'json'].includes(option.attributeName()) &&
      command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  const name = paths[0] ?? stray?.long;
  if (name === undefined) return;
  throw new ServerError('SERVER_BAD_OPTIONS', `${name}: with --config, the file says what to serve and how`);
}

function addPortalFlags(command: Command): Command {
  return command
    .option('--portal <host:port[,tag]>', 'where to listen; port 0 takes a free one (repeatable)', collect)
    .option('--tls-portal <host:port[,tag]>', 'where to listen and speak TLS (repeatable)', collect)
    .option('--tls-cert <file>', 'certificate of the server, PEM')
    .option('--tls-key <file>', 'key of the server, PEM')
    .option('--tls-ca <file>', 'authority whose client certificates, and no others, are let in, PEM')
    .option(
      '--advertise <host:port>',
      'address to tell initiators instead of the portal (repeatable)',
      collect,
    );
}

function addNbsFlags(command: Command): Command {
  return command
    .option(
      '--nbs <host:port|unix:path>',
      'speak NBS here, for the same disks; docs/nbs.md (repeatable)',
      collect,
    )
    .option(
      '--nbs-tls <host:port>',
      'speak NBS with TLS here, with the files of --tls-… (repeatable)',
      collect,
    )
    .option('--nbs-users <file>', 'JSON list of who may come in by NBS, with their passwords')
    .option('--nbs-directory <directory>', 'where objects lie that NBS clients make')
    .option('--nbs-plain', 'speak NBS without TLS at a portal that is not loopback')
    .option(
      '--nbd <host:port|unix:path>',
      'speak NBD here, also for snapshots; docs/nbd.md (repeatable)',
      collect,
    )
    .option(
      '--nbd-tls <host:port>',
      'speak NBD with TLS here, with the files of --tls-… (repeatable)',
      collect,
    )
    .option('--nbd-plain', 'speak NBD without TLS at a portal that is not loopback');
}

function addAccessFlags(command: Command): Command {
  return command
    .option('--chap-user <name>', 'initiators log in under this name with a secret (CHAP)')
    .option('--chap-secret-file <file>', 'file with the secret of initiators (or LUNBOX_CHAP_SECRET)')
    .option('--mutual-user <name>', 'name under which the target proves itself to initiators (mutual CHAP)')
    .option('--mutual-secret-file <file>', 'file with the secret of the target (or LUNBOX_MUTUAL_SECRET)')
    .addOption(
      new Option('--chap-minimum <algorithm>', 'weakest hash that is good enough (default: md5)').choices(
        Object.keys(CHAP_NAMES),
      ),
    )
    .option('--allow-short-secrets', 'take secrets of less than 12 bytes')
    .option('--allow <iqn>', 'initiators that may log in; * and ? are wildcards (repeatable)', collect)
    .option('--initiator-address <cidr>', 'addresses that initiators may come from (repeatable)', collect)
    .option('--access <file>', 'JSON list of who may log in, to which LUNs; instead of the flags above')
    .option('--no-auth', 'let initiators in without a secret at a portal that is not loopback');
}
