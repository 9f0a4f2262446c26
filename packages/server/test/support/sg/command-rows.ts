import { explainDataIn, type Description } from '@lunbox/scsi';
import type { SgRun } from './sg-bridge.ts';
import type { UnitName } from './served-units.ts';
import type { Wording } from './tool-fields.ts';

/** A program that decodes the answer to a command, and its words. */
export interface CommandRow {
  readonly tool: string;
  readonly args: readonly string[];
  readonly wording: Wording;
  /** The units that have the command; all that are disks by default. */
  readonly units?: 'all' | readonly UnitName[];
  /** The program writes what it decodes to standard error. */
  readonly onStderr?: true;
  /** The commands of the run whose answers the tool describes; the last one by default. */
  readonly answers?: (run: SgRun) => SgRun['commands'];
}

/** What our decoder says of the answers that a row is about. */
export function explainAnswers(row: CommandRow, run: SgRun): Description {
  const commands = row.answers?.(run) ?? run.commands.slice(-1);
  const parts = commands.map(({ cdb, dataIn }) => explainDataIn(cdb, dataIn));
  return { title: row.tool, fields: [], parts: parts.filter((part) => part !== undefined) };
}

const PORT_GROUPS: Wording = {
  names: {
    'target port group id': 'TARGET PORT GROUP',
    'target port group asymmetric access state': 'ASYMMETRIC ACCESS STATE',
  },
  derived: ['Rtpg_fmt'],
  lists: ['ports'],
  tidy: (text) => text.replace(/^ {6}(0x\w+)$/gm, 'PORTS\t$1'),
};

/** What many programs say first. */
const HEADING = ['Peripheral device type'];

/** Type codes of persistent reservations, as bits of the type mask. */
const TYPE_BITS: Readonly<Record<string, number>> = {
  'Write Exclusive, all registrants': 0x8000,
  'Exclusive Access, registrants only': 0x4000,
  'Write Exclusive, registrants only': 0x2000,
  'Exclusive Access': 0x0800,
  'Write Exclusive': 0x0200,
  'Exclusive Access, all registrants': 0x0001,
};

function tidyTypeMask(text: string): string {
  let mask = 0;
  const rest = text.replace(/^ {6}(\S.*): ([01])$/gm, (_all, type: string, bit: string) => {
    mask |= bit === '1' ? (TYPE_BITS[type] ?? 0) : 0;
    return '';
  });
  return `${rest}\nPERSISTENT RESERVATION TYPE MASK\t${mask}`;
}

/** What `sg_requests` and `sg_decode_sense` say of sense data of either format. */
export const SENSE: Wording = {
  names: { 'Additional sense': 'ADDITIONAL SENSE CODE' },
  silent: [
    // What nothing of ours ever sets.
    'FILEMARK',
    'EOM',
    'ILI',
    'SDAT_OVFL',
    'FIELD REPLACEABLE UNIT CODE',
    // Of fixed format, where 0 says nothing; and the headers of descriptors.
    'COMMAND-SPECIFIC INFORMATION',
    'DESCRIPTOR TYPE',
    'ADDITIONAL LENGTH',
    'VALID',
  ],
  tidy: (text) =>
    text
      .replace(/Fixed format, current; /, 'RESPONSE CODE\t112\n')
      .replace(/Descriptor format, current; /, 'RESPONSE CODE\t114\n')
      .replace(/^Additional sense: (.*)$/m, 'ADDITIONAL SENSE CODE\t$1')
      .replace(/.*Info fld=(\w+) .*/, 'INFORMATION\t$1')
      .replace(/.*Descriptor type: Information: (\w+)/, 'INFORMATION\t$1')
      .replace(/.*Descriptor type: Sense key specific: Field pointer:/, '')
      .replace(/.*Error in .*: byte (\d+) bit (\d)/, 'FIELD POINTER\t$1\nBIT POINTER\t$2')
      .replace(/.*Error in .*: byte (\d+)/, 'FIELD POINTER\t$1'),
};

/** Units of ours have no other scope than that of the logical unit. */
const RESERVATION: Wording = {
  names: { 'PR generation': 'GENERATION', 'Relative port address': 'RELATIVE PORT' },
  derived: [...HEADING, 'scope'],
  lists: ['registrations'],
  tidy: (text) => {
    const holder = text.includes('<< Reservation holder >>') ? 'HOLDS' : 'TYPE';
    return text
      .replace(/scope: LU_SCOPE, +type: (.*)$/gm, `${holder}\t$1`)
      .replace(/iSCSI world wide unique port id: (.*)$/gm, 'INITIATOR PORT\t$1');
  },
};

/** A line of `sg_opcodes --rctd`: operation code, service action, length of the CDB, timeouts, and the name. */
const COMMAND_LINE = /^ (\w\w) {4,9}(?: ?(\w+))? +(\d+) +(-|\d+) +(\d+) {4}(.*)$/gm;

function tidyCommand(_line: string, ...found: (string | undefined)[]): string {
  const [, action, length, nominal, recommended, name] = found;
  return [
    `OPERATION CODE\t${name}`,
    ...(action === undefined ? [] : [`SERVICE ACTION\t0x${action}`]),
    `CDB LENGTH BYTES\t${length}`,
    `NOMINAL SECONDS\t${nominal === '-' ? '0' : nominal}`,
    `RECOMMENDED SECONDS\t${recommended}`,
  ].join('\n');
}

/** The functions that `sg_opcodes --tmf` lists are there, the others are not. */
const TASK_MANAGEMENT: Readonly<Record<string, string>> = {
  ATS: 'Abort task',
  ATSS: 'Abort task set',
  CACAS: 'Clear ACA',
  CTSS: 'Clear task set',
  LURS: 'Logical unit reset',
  QTS: 'Query task',
  QAES: 'Query asynchronous event',
  QTSS: 'Query task set',
  ITNRS: 'I_T nexus reset',
};

function tidyTaskManagement(text: string): string {
  const listed = new Set(text.split('\n').map((line) => line.trim()));
  const functions = Object.entries(TASK_MANAGEMENT).map(
    ([name, words]) => `${name}\t${listed.has(words) ? 1 : 0}`,
  );
  return [text, ...functions].join('\n');
}

/** What programs say of the answers to commands. */
export const COMMAND_ROWS: readonly CommandRow[] = [
  {
    tool: 'sg_readcap',
    args: [],
    units: 'all',
    wording: {
      names: {
        'Last LBA': 'RETURNED LOGICAL BLOCK ADDRESS',
        'Logical block length': 'LOGICAL BLOCK LENGTH IN BYTES',
      },
      derived: ['Number of logical blocks', 'Device size'],
    },
  },
  {
    tool: 'sg_readcap',
    args: ['--16'],
    wording: {
      names: {
        'Last LBA': 'RETURNED LOGICAL BLOCK ADDRESS',
        'Logical block length': 'LOGICAL BLOCK LENGTH IN BYTES',
        'Lowest aligned LBA': 'LOWEST ALIGNED LOGICAL BLOCK ADDRESS',
      },
      derived: ['Number of logical blocks', 'Device size', 'so physical block length'],
    },
  },
  {
    tool: 'sg_luns',
    args: [],
    units: 'all',
    wording: {
      derived: ['select_report', 'Lun list length'],
      lists: ['descriptors'],
      tidy: (text) =>
        text.replace(/^ {4}(\w{4})0{12}$/gm, (_all, lun: string) => `DESCRIPTORS\t${parseInt(lun, 16)}`),
    },
  },
  { tool: 'sg_rtpg', args: [], units: 'all', wording: PORT_GROUPS },
  { tool: 'sg_rtpg', args: ['--extended'], units: 'all', wording: PORT_GROUPS },
  {
    tool: 'sg_referrals',
    args: [],
    wording: {
      derived: ['target port descriptors'],
      tidy: (text) =>
        text
          .replace(/user data segment: first lba (\d+), last lba (\d+)/g, 'FIRST LBA\t$1\nLAST LBA\t$2')
          .replace(/port group (\d+) state \((.*)\)/g, 'TARGET PORT GROUP\t$1\nASYMMETRIC ACCESS STATE\t$2'),
    },
  },
  {
    tool: 'sg_get_lba_status',
    args: ['--maxlen=4096'],
    wording: {
      tidy: (text) =>
        text.replace(/^\[\d+\] LBA: (\w+) +blocks: +(\d+) +(.*)$/gm, 'LBA\t$1\nBLOCK COUNT\t$2\nSTATUS\t$3'),
      values: { STATUS: { 'mapped (or unknown)': 0 } },
    },
  },
  {
    tool: 'sg_persist',
    args: ['--in', '--read-keys'],
    wording: {
      names: { 'PR generation': 'GENERATION' },
      derived: HEADING,
      lists: ['keys'],
      tidy: (text) => text.replace(/^ {4}(0x\w+)$/gm, 'KEYS\t$1'),
    },
  },
  {
    tool: 'sg_persist',
    args: ['--in', '--read-reservation'],
    wording: RESERVATION,
  },
  {
    tool: 'sg_persist',
    args: ['--in', '--report-capabilities'],
    wording: { derived: HEADING, silent: ['LENGTH'], tidy: tidyTypeMask },
  },
  {
    tool: 'sg_persist',
    args: ['--in', '--read-full-status'],
    wording: RESERVATION,
  },
  { tool: 'sg_requests', args: [], units: 'all', onStderr: true, wording: SENSE },
  { tool: 'sg_requests', args: ['--desc'], units: 'all', onStderr: true, wording: SENSE },
  {
    tool: 'sg_timestamp',
    args: [],
    wording: { silent: ['origin'], tidy: (text) => text.replace(/^(\d+)$/m, 'UNIX MS\t$1') },
  },
  {
    tool: 'sg_timestamp',
    args: ['--origin'],
    wording: {
      silent: ['unix ms'],
      tidy: (text) => text.replace(/Device clock initialized by other method/, 'ORIGIN\t3'),
    },
  },
  {
    tool: 'sg_ident',
    args: ['--ascii'],
    units: ['thin disk, 512e', 'disk, 4Kn'],
    wording: { tidy: (text) => `INFORMATION\t${Buffer.from(text.trimEnd(), 'latin1').toString('hex')}` },
  },
  {
    tool: 'sg_copy_results',
    args: ['--params'],
    wording: {
      names: {
        'Supports no list identifier (SNLID)': 'SNLID',
        'Maximum target descriptor count': 'MAXIMUM CSCD DESCRIPTOR COUNT',
      },
      silent: ['MAXIMUM INLINE DATA LENGTH'],
      // Granularities are exponents of 2.
      values: {
        'DATA SEGMENT GRANULARITY': { '1 bytes': 0 },
        'INLINE DATA GRANULARITY': { '1 bytes': 0 },
        'HELD DATA GRANULARITY': { '1 bytes': 0 },
      },
      tidy: (text) => {
        const codes = [...text.matchAll(/descriptor 0x(\w\w): .*/g)].map(([, code]) => code);
        const rest = text.replace(/.* descriptor 0x\w\w: .*/g, '');
        return `${rest}\nDESCRIPTOR TYPES\t0x${codes.join('')}`;
      },
    },
  },
  {
    tool: 'sg_senddiag',
    args: ['--list'],
    wording: {
      silent: ['page code'],
      tidy: (text) => text.replace(/^ {2}(0x\w\w) .*$/gm, 'BODY\t$1'),
    },
  },
  {
    tool: 'sg_opcodes',
    args: ['--rctd'],
    units: 'all',
    answers: ({ commands }) => commands.filter(({ cdb }) => cdb[0] === 0xa3 && (cdb[2]! & 7) === 0),
    wording: {
      derived: HEADING,
      values: {
        'OPERATION CODE': {
          'Read buffer(10)': 0x3c,
          'Read disk information': 0x51,
          'Get LBA status(16)': 0x9e,
          'Read DVD/BD structure': 0xad,
        },
      },
      tidy: (text) => text.replace(COMMAND_LINE, tidyCommand),
    },
  },
  {
    tool: 'sg_opcodes',
    args: ['--mask'],
    units: 'all',
    answers: ({ commands }) => commands.filter(({ cdb }) => cdb[0] === 0xa3 && (cdb[2]! & 7) !== 0),
    wording: {
      tidy: (text) =>
        [...text.matchAll(/cdb usage: (.*)$/gm)]
          .map(([, mask = '']) => `SUPPORTED\tyes\nUSAGE MASK\t${mask.replaceAll(' ', '')}`)
          .join('\n'),
    },
  },
  {
    tool: 'sg_opcodes',
    args: ['--tmf', '--repd'],
    wording: { derived: HEADING, silent: ['ADDITIONAL LENGTH'], tidy: tidyTaskManagement },
  },
  {
    tool: 'sg_get_config',
    args: [],
    units: ['CD-ROM'],
    wording: {
      names: { 'Current profile': 'PROFILE', persist: 'PERSISTENT' },
      derived: HEADING,
      silent: ['ADDITIONAL LENGTH'],
      // What the features hold is deeper in; we tell which there are.
      tidy: (text) => text.replace(/^ {6}.*$/gm, '').replace(/\[(0x\w+)\]/g, '\nFEATURE CODE\t$1'),
    },
  },
];
