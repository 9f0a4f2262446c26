import { VpdPage } from '@lunbox/scsi';
import type { Wording } from './tool-fields.ts';

/** How a page is asked of a tool, and what the tool says of it. */
export interface PageWording extends Wording {
  /** More options of the tool. */
  readonly options?: readonly string[];
}

/** What `sg_inq --descriptors` says of standard INQUIRY data. */
export const STANDARD_INQUIRY: Wording = {
  names: {
    PQual: 'PERIPHERAL QUALIFIER',
    PDT: 'PERIPHERAL DEVICE TYPE',
    Resp_data_format: 'RESPONSE DATA FORMAT',
    '3PC': 'THIRD PARTY COPY',
    'Vendor identification': 'T10 VENDOR IDENTIFICATION',
  },
  derived: ['Peripheral device type', 'length', 'Unit serial number'],
  silent: ['ADDITIONAL LENGTH'],
  tidy: (text) => text.replace(/^ {4}(\S.*) \(no version claimed\)$/gm, 'VERSION DESCRIPTOR\t$1'),
};

const ASSOCIATIONS: Readonly<Record<string, number>> = {
  'Addressed logical unit:': 0,
  'Target port:': 1,
  'Target device that contains addressed lu:': 2,
  'Target port descriptor(s):': 1,
};

/** A heading says the association of the designators that follow; what they hold often has no label. */
function tidyDesignators(text: string): string {
  let association = 0;
  return text
    .replace(/vendor id: (.*)\n\s+vendor specific: (.*)/g, 'DESIGNATOR\t$1$2')
    .replace(/SCSI name string:\n\s+(.*)/g, 'DESIGNATOR\t$1')
    .replace(/Locally assigned UUID: (.*)/g, 'DESIGNATOR\t1000$1')
    .replace(/(?:Relative target port|Target port group): (0x.*)/g, 'DESIGNATOR\t$1')
    .split('\n')
    .flatMap((line) => {
      association = ASSOCIATIONS[line.trim()] ?? association;
      if (line.trim() in ASSOCIATIONS) return [];
      if (/^\s+0x[0-9a-f]+$/.test(line)) return [`DESIGNATOR\t${line.trim()}`];
      return line.includes('designator type:') ? [line, `ASSOCIATION\t${association}`] : [line];
    })
    .join('\n');
}

const DESIGNATORS: PageWording = {
  names: { transport: 'PROTOCOL IDENTIFIER', 'Relative port': 'RELATIVE PORT IDENTIFIER' },
  values: {
    'DESIGNATOR TYPE': { 'T10 vendor identification': 1, 'Relative target port': 4, 'UUID identifier': 10 },
    'PROTOCOL IDENTIFIER': { 'Internet SCSI (iSCSI': 5 },
  },
  tidy: tidyDesignators,
};

/** Commands are told by name, descriptors and identifiers by a name and a number. */
function tidyThirdPartyCopy(text: string): string {
  let section = '';
  const lines = text.replace(/ROD type: .* \[(0x[0-9a-f]+)\]/g, 'ROD TYPE\t$1').split('\n');
  return lines
    .map((line) => {
      if (/^ \S/.test(line)) section = line.trim();
      else if (section === 'Supported commands:') return `SERVICE ACTIONS\t${line.trim()}`;
      const code = /^ {2}\S.* \[(0x[0-9a-f]+)\]$/.exec(line)?.[1];
      if (code === undefined) return line;
      return `${section === 'Supported descriptors:' ? 'DESCRIPTOR TYPES' : 'CSCD IDS'}\t${code}`;
    })
    .join('\n');
}

const SERVICE_ACTIONS: Readonly<Record<string, number>> = {
  'Extended copy(LID1)': 0x00,
  'Extended copy': 0x01,
  'Populate token': 0x10,
  'Write using token': 0x11,
  'Copy operation abort': 0x1c,
  'Receive copy status(LID1)': 0x00,
  'Receive copy operating parameters': 0x03,
  'Receive copy failure details(LID1)': 0x04,
  'Receive copy status': 0x05,
  'Receive ROD token information': 0x07,
  'Report all ROD tokens': 0x08,
};

/** What `sg_vpd` says of each VPD page that a unit of ours may have. */
export const VPD_WORDINGS: Readonly<Record<number, PageWording>> = {
  [VpdPage.SUPPORTED_VPD_PAGES]: {
    tidy: (text) => text.replace(/^ {2}(\S.*?)(?: \(SBC\))? \[\w+\]$/gm, 'PAGE\t$1'),
  },
  [VpdPage.UNIT_SERIAL_NUMBER]: { names: { 'Unit serial number': 'PRODUCT SERIAL NUMBER' } },
  [VpdPage.DEVICE_IDENTIFICATION]: DESIGNATORS,
  [VpdPage.MANAGEMENT_NETWORK_ADDRESSES]: {
    names: { 'Service type': 'SERVICE' },
    values: { SERVICE: { 'storage configuration service': 1 } },
    tidy: (text) => text.replace(/^\s+(\S+:\/\/\S+)$/gm, 'URL\t$1'),
  },
  // Without it several fields stand in a line with nothing but a space between them.
  [VpdPage.EXTENDED_INQUIRY_DATA]: { options: ['--long'], derived: ['Peripheral device type', 'PQual'] },
  [VpdPage.MODE_PAGE_POLICY]: {
    names: { 'subpage code': 'POLICY SUBPAGE CODE', Policy: 'MODE PAGE POLICY' },
  },
  [VpdPage.SCSI_PORTS]: DESIGNATORS,
  [VpdPage.THIRD_PARTY_COPY]: {
    names: { Internal: 'ECPY INT', Preference: 'PREFERENCE INDICATION' },
    silent: [
      'types',
      'operation code',
      'DESCRIPTOR FORMAT',
      'PERIPHERAL DEVICE TYPE',
      'DESCRIPTOR LENGTH',
      'ROD DEVICE TYPE SPECIFIC FEATURES DESCRIPTORS LENGTH',
    ],
    // Granularities are exponents of 2.
    values: {
      'SERVICE ACTIONS': SERVICE_ACTIONS,
      'DATA SEGMENT GRANULARITY': { '1': 0 },
      'INLINE DATA GRANULARITY': { '1': 0 },
    },
    lists: ['SERVICE ACTIONS', 'DESCRIPTOR TYPES', 'CSCD IDS'],
    tidy: tidyThirdPartyCopy,
  },
  [VpdPage.BLOCK_LIMITS]: {
    names: {
      'Maximum prefetch transfer length': 'MAXIMUM PREFETCH LENGTH',
      'Unmap granularity alignment valid': 'UGAVALID',
    },
  },
  [VpdPage.BLOCK_DEVICE_CHARACTERISTICS]: {
    values: { 'PRODUCT TYPE': { 'Not specified': 0 } },
    tidy: (text) =>
      text
        .replace(/Non-rotating medium .*/, 'MEDIUM ROTATION RATE\t1')
        .replace('Nominal form factor not reported', 'NOMINAL FORM FACTOR\t0'),
  },
  [VpdPage.LOGICAL_BLOCK_PROVISIONING]: {},
  [VpdPage.REFERRALS]: {},
  // Of SBC-5, which is younger than the tool.
  [VpdPage.BLOCK_LIMITS_EXTENSION]: { silent: ['RSCS'] },
};
