import type { Wording } from './tool-fields.ts';

/** One of the four values that `sdparm --long` tells of each field of a mode page. */
export type ModeValue = 'current' | 'changeable' | 'default' | 'saved';

/** PAGE CONTROL of MODE SENSE (SPC-5 table 190). */
export const PAGE_CONTROLS: Readonly<Record<ModeValue, number>> = {
  current: 0,
  changeable: 1,
  default: 2,
  saved: 3,
};

const PARAMETER = /^ {2}(\S+) +(-?\d+) +\[cha: (\w), def: *(-?\d+)(?:, sav: *(-?\d+))?\](?: +(.*))?$/gm;

/** The fields of a mode page in the text of `sdparm --long`, each with one of its values. */
function parameters(text: string, wanted: ModeValue): string {
  const lines = [...text.matchAll(PARAMETER)].map(([, acronym = '', current, cha, def, saved, name = '']) => {
    const values = { current, changeable: cha === 'y' ? 'yes' : 'no', default: def, saved };
    // The second and later descriptors of a page have a number after the acronym.
    return `${name} (${acronym.replace(/\.\d+$/, '')})\t${values[wanted] ?? ''}`;
  });
  return lines.join('\n');
}

/** Fields of ours that `sdparm` does not tell, by page code: what is obsolete, or what drives have no use for. */
export const MODE_SILENT: Readonly<Record<number, readonly string[]>> = {
  0x10: ['REBUILD DELAY'],
  0x2a: ['CHANGER FLAGS', 'CURRENT READ SPEED'],
};

/** Fields of page 01h that are not those of drives. */
export const DRIVE_SILENT: readonly string[] = ['LBPERE', 'RECOVERY TIME LIMIT'];

/** What `sdparm --long` says of a mode page. */
export function modeWording(value: ModeValue, silent: readonly string[]): Wording {
  return {
    names: {
      SCWP: 'STARTING CYLINDER WRITE PRECOMPENSATION',
      SCRWC: 'STARTING CYLINDER REDUCED WRITE CURRENT',
      V_EER: 'EER',
      V_PER: 'PER',
      V_DTE: 'DTE',
      V_DCR: 'DCR',
      UA_INTLCK: 'UA INTLCK CTRL',
      PM_BG: 'PM BG PRECEDENCE',
      CCF_STAND: 'CCF STANDBY',
      CCF_STOPP: 'CCF STOPPED',
      LBP_EN: 'ENABLED',
      MRSS: 'MAXIMUM READ SPEED',
      NVLS: 'NUMBER OF VOLUME LEVELS',
      BSS: 'BUFFER SIZE',
    },
    silent: ['PS', ...silent],
    tidy: (text) => parameters(text, value),
  };
}

const LISTED_PAGES: Wording = {
  tidy: (text) =>
    text.replace(/^ {4}0x(\w\w)(?:,0x(\w\w))?\s.*$/gm, (_all, page: string, subpage?: string) => {
      return `PAGE\t${subpage === undefined ? `${page}h` : `${page}h/${subpage}h`}`;
    }),
};

const NO_TEMPERATURE = { '<not available>': 255 };

/** What `sg_logs` says of each log page that a unit of ours may have, by page and subpage code. */
export const LOG_WORDINGS: Readonly<Record<string, Wording>> = {
  '0': LISTED_PAGES,
  '0,255': LISTED_PAGES,
  '12': {
    names: {
      'Available LBA mapping threshold resource count': 'RESOURCE COUNT',
      'Used LBA mapping threshold resource count': 'RESOURCE COUNT',
    },
    values: { SCOPE: { 'dedicated to lu': 1, 'not dedicated to lu': 2 } },
  },
  '12,255': LISTED_PAGES,
  '13': { names: { 'Current temperature': 'TEMPERATURE' }, values: { TEMPERATURE: NO_TEMPERATURE } },
  '13,255': LISTED_PAGES,
  '21': {
    names: {
      Status: 'BACKGROUND SCAN STATUS',
      'Background medium scan progress': 'BACKGROUND SCAN PROGRESS',
    },
    derived: ['h'],
    values: {
      'BACKGROUND SCAN STATUS': { 'no background scans active': 0 },
      'BACKGROUND SCAN PROGRESS': { '0.00 %': 0 },
    },
  },
  '21,1': {},
  '21,255': LISTED_PAGES,
  '25': { names: { 'time interval negative exponent': 'EXPONENT', 'time interval integer': 'INTEGER' } },
  '25,255': LISTED_PAGES,
  '47': {
    names: {
      'IE asc': 'ADDITIONAL SENSE CODE',
      ascq: 'ADDITIONAL SENSE CODE QUALIFIER',
      'Current temperature': 'MOST RECENT TEMPERATURE READING',
    },
    values: { 'MOST RECENT TEMPERATURE READING': NO_TEMPERATURE },
  },
  '47,255': LISTED_PAGES,
};
