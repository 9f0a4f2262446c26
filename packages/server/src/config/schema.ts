import { DEFAULT_LIMITS } from '@lunbox/iscsi-target';
import { CHAP_NAMES } from '../cli/serve-flags.ts';
import { LUN_LIMIT } from '../options.ts';
import type { Key, Section, Shape } from './shape.ts';

/** One portal of a configuration. */
export interface PortalConfig {
  readonly address: string;
  readonly tag?: number;
  readonly advertise?: string;
  readonly tls?: TlsConfig;
}

/** The keys of a portal that speaks TLS. */
export interface TlsConfig {
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthority?: string;
}

/** One portal of NBS or NBD: an address or a UNIX socket. */
export interface FrontConfig {
  readonly address?: string;
  readonly socket?: string;
  readonly tls?: TlsConfig;
}

/** NBS beside iSCSI. */
export interface NbsConfig {
  readonly portals: readonly FrontConfig[];
  readonly users?: readonly {
    readonly user: string;
    readonly passwordFile?: string;
    readonly verifier?: string;
    readonly mayCreate?: boolean;
  }[];
  readonly directory?: string;
  readonly allowPlain?: boolean;
}

/** NBD beside iSCSI. */
export interface NbdConfig {
  readonly portals: readonly FrontConfig[];
  readonly allowPlain?: boolean;
}

/** One LUN of a configuration. */
export interface LunConfig {
  readonly file: string;
  readonly lun?: number;
  readonly readOnly?: boolean;
  readonly removable?: boolean;
  readonly writeSameRest?: boolean;
  readonly backgroundRate?: number;
  readonly keepIdentity?: boolean;
  readonly forgetState?: boolean;
}

/** One entry of the access list; `docs/cli.md` has the same for `--access`. */
export interface AccessConfig {
  readonly initiator: string;
  readonly addresses?: readonly string[];
  readonly user?: string;
  readonly secretFile?: string;
  readonly mutualUser?: string;
  readonly mutualSecretFile?: string;
  readonly luns?: Readonly<Record<string, number>>;
  readonly readOnly?: boolean;
}

/** A checked configuration: file names are absolute, sizes in bytes, times in milliseconds. */
export interface Config {
  readonly iqn?: string;
  readonly portals?: readonly PortalConfig[];
  readonly luns?: readonly LunConfig[];
  readonly directory?: string;
  readonly access?: readonly AccessConfig[];
  readonly nbs?: NbsConfig;
  readonly nbd?: NbdConfig;
  readonly chapMinimum?: string;
  readonly allowShortSecrets?: boolean;
  readonly allowUnauthenticated?: boolean;
  readonly requireDigests?: boolean;
  readonly limits?: Readonly<Record<string, number>>;
  readonly control?: string;
  readonly capture?: { readonly maxAge: number; readonly maxSize?: number };
}

const flag: Shape = { kind: 'boolean' };
const NO = 'false';
const file = (what: string): Shape => ({ kind: 'file', what, exists: true });
const text = (what: string, pattern?: RegExp): Shape => ({
  kind: 'text',
  what,
  ...(pattern ? { pattern } : {}),
});
const section = <T>(keys: Record<keyof T & string, Key>, rule?: Section['rule']): Section => ({
  kind: 'section',
  keys,
  ...(rule ? { rule } : {}),
});
const address = text('an address such as 127.0.0.1:3260', /^(\[[\da-f:.]+\]|[^:\s]+)(:\d{1,5})?$/i);

const tls: Key = {
  shape: section<Required<TlsConfig>>({
    certificate: {
      shape: file('the name of a PEM file'),
      doc: 'Certificate of the server.',
      required: true,
    },
    key: { shape: file('the name of a PEM file'), doc: 'Key of the server.', required: true },
    clientAuthority: {
      shape: file('the name of a PEM file'),
      doc: 'Authority whose client certificates, and no others, are let in.',
    },
  }),
  doc: 'Speak TLS at this portal.',
};

const portal = section<Required<PortalConfig>>({
  address: { shape: address, doc: 'Where to listen; port 0 takes a free one.', required: true },
  tag: {
    shape: { kind: 'integer', min: 1, max: 65_535 },
    doc: 'Tag of the portal group.',
    default: '1',
  },
  advertise: { shape: address, doc: 'What initiators are told instead of the address.' },
  tls,
});

const frontPortals: Key = {
  shape: {
    kind: 'list',
    of: section<Required<FrontConfig>>(
      {
        address: { shape: address, doc: 'Where to listen; port 0 takes a free one.' },
        socket: {
          shape: { kind: 'file', what: 'the name of a socket', exists: false },
          doc: 'UNIX socket to listen at, instead of an address.',
        },
        tls,
      },
      (value) =>
        'address' in value === 'socket' in value ? { message: 'write an address or a socket' } : undefined,
    ),
  },
  doc: 'Where to listen.',
  required: true,
};

const allowPlain: Key = { shape: flag, doc: 'Speak without TLS to other machines.', default: NO };

const nbsUser = section<Required<NonNullable<NbsConfig['users']>[number]>>(
  {
    user: { shape: text('the name of a user'), doc: 'Name of the user.', required: true },
    passwordFile: { shape: file('the name of a file'), doc: 'File with the password.' },
    verifier: {
      shape: text('a verifier such as SCRAM-SHA-256$…'),
      doc: 'What is kept of the password, instead of it.',
    },
    mayCreate: { shape: flag, doc: 'May make objects.', default: NO },
  },
  (value) =>
    'passwordFile' in value === 'verifier' in value
      ? { message: 'write a passwordFile or a verifier' }
      : undefined,
);

const nbs = section<Required<NbsConfig>>({
  portals: frontPortals,
  users: {
    shape: { kind: 'list', of: nbsUser },
    doc: 'Who may come in.',
    default: 'whoever comes from this machine',
  },
  directory: {
    shape: file('the name of a directory'),
    doc: 'Where objects lie that clients make; without it they make none.',
  },
  allowPlain,
});

const lun = section<Required<LunConfig>>({
  file: { shape: file('the name of a disk or disc image'), doc: 'The disk, or an `.iso`.', required: true },
  lun: {
    shape: { kind: 'integer', min: 0, max: LUN_LIMIT - 1 },
    doc: 'Its number.',
    default: 'the lowest that is free',
  },
  readOnly: { shape: flag, doc: 'Refuse every change.', default: NO },
  removable: { shape: flag, doc: 'Initiators may eject it.', default: NO },
  writeSameRest: { shape: flag, doc: 'WRITE SAME of 0 blocks fills it to its end.', default: NO },
  backgroundRate: { shape: { kind: 'size' }, doc: 'Most per second that formatting and sanitizing takes.' },
  keepIdentity: {
    shape: flag,
    doc: 'A copied file keeps the identity of its original (never serve both).',
    default: NO,
  },
  forgetState: { shape: flag, doc: 'Drop reservations and saved pages that the file holds.', default: NO },
});

/** Keys of an access entry that only mean something together with another one. */
const COMPANIONS: readonly (readonly [keyof AccessConfig, keyof AccessConfig])[] = [
  ['user', 'secretFile'],
  ['secretFile', 'user'],
  ['mutualUser', 'mutualSecretFile'],
  ['mutualSecretFile', 'mutualUser'],
  ['mutualUser', 'user'],
];

const accessEntry = section<Required<AccessConfig>>(
  {
    initiator: {
      shape: text('the name of an initiator; * and ? are wildcards'),
      doc: 'Whom it is for; `*` and `?` are wildcards.',
      required: true,
    },
    addresses: {
      shape: { kind: 'list', of: text('an address or CIDR') },
      doc: 'Where the initiator may come from.',
      default: 'anywhere',
    },
    user: { shape: text('a CHAP name'), doc: 'CHAP name of the initiator.' },
    secretFile: { shape: file('the name of a file'), doc: 'File with its secret, or two, a line each.' },
    mutualUser: { shape: text('a CHAP name'), doc: 'CHAP name of the target.' },
    mutualSecretFile: { shape: file('the name of a file'), doc: 'File with the secret of the target.' },
    luns: {
      shape: { kind: 'numbers', what: 'LUNs as the initiator sees them, and which they are, such as {0: 3}' },
      doc: 'LUNs that it sees, under which numbers.',
      default: 'all of them',
    },
    readOnly: { shape: flag, doc: 'It may change nothing.', default: NO },
  },
  (value) => {
    const lonely = COMPANIONS.find(([key, other]) => key in value && !(other in value));
    return lonely && { key: lonely[0], message: `it needs ${lonely[1]} beside it` };
  },
);

const limits: Section = {
  kind: 'section',
  keys: Object.fromEntries(
    Object.entries(DEFAULT_LIMITS)
      .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
      .map(([name, value]): [string, Key] => [
        name,
        {
          shape: { kind: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER },
          doc: 'As `--limit`.',
          default: String(value),
        },
      ]),
  ),
};

/** The numbers that LUNs ask for; those that are wrong have been told. */
function lunNumbers(luns: unknown): number[] {
  if (!Array.isArray(luns)) return [];
  return luns.flatMap((wish: LunConfig | undefined) => (wish?.lun === undefined ? [] : [wish.lun]));
}

/** Every key of a configuration file. Another front of the server gets a section here. */
export const CONFIG_SECTION: Section = section<Required<Config>>(
  {
    iqn: {
      shape: text(
        'an iSCSI name such as iqn.2026-01.com.example:disks',
        /^(iqn\.\d{4}-\d{2}\.|eui\.|naa\.)\S+$/i,
      ),
      doc: 'Name of the target.',
      default: 'made from the identity of the first disk',
    },
    portals: { shape: { kind: 'list', of: portal }, doc: 'Where to listen.', default: '127.0.0.1:3260' },
    luns: { shape: { kind: 'list', of: lun }, doc: 'The disks and disc images, in this order.' },
    directory: {
      shape: file('the name of a directory'),
      doc: 'Serve all disks of this directory; instead of `luns`.',
    },
    access: {
      shape: { kind: 'list', of: accessEntry },
      doc: 'Who may log in; the first entry that fits decides.',
      default: 'whoever comes from this machine',
    },
    nbs: { shape: nbs, doc: 'Speak NBS, for the same disks.' },
    nbd: {
      shape: section<Required<NbdConfig>>({ portals: frontPortals, allowPlain }),
      doc: 'Speak NBD, for the same disks and their snapshots.',
    },
    chapMinimum: {
      shape: { kind: 'choice', of: Object.keys(CHAP_NAMES) },
      doc: 'Weakest hash of CHAP that is good enough.',
      default: 'md5',
    },
    allowShortSecrets: { shape: flag, doc: 'Take secrets of less than 12 bytes.', default: NO },
    allowUnauthenticated: {
      shape: flag,
      doc: 'Let initiators in without a secret at a portal that is not loopback.',
      default: NO,
    },
    requireDigests: { shape: flag, doc: 'Refuse sessions without CRC32C digests.', default: NO },
    limits: { shape: limits, doc: 'Bounds of sessions, lengths and times.' },
    control: {
      shape: { kind: 'file', what: 'the name of a socket', exists: false },
      doc: 'Socket at which `lunbox control` reaches the server.',
    },
    capture: {
      shape: section<Required<NonNullable<Config['capture']>>>({
        maxAge: { shape: { kind: 'duration' }, doc: 'How long it is kept.', required: true },
        maxSize: { shape: { kind: 'size' }, doc: 'Most that is kept.', default: '64MiB' },
      }),
      doc: 'Keep what goes over the wire, for `lunbox control`.',
    },
  },
  (value) => {
    if ('luns' in value && 'directory' in value)
      return { key: 'directory', message: 'a directory is served alone; leave luns out' };
    if (!('luns' in value || 'directory' in value))
      return { message: 'name what to serve, under luns or as directory' };
    const numbers = lunNumbers(value['luns']);
    const twice = numbers.find((number, index) => numbers.indexOf(number) !== index);
    return twice === undefined
      ? undefined
      : { key: 'luns', message: `two of them want to be LUN ${twice}; give one another number` };
  },
);
