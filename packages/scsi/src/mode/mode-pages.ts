import { u16be, u8 } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { CAPABILITIES_PAGE } from './cd-mode-pages.ts';
import { PROVISIONING_PAGE } from './provisioning-mode-page.ts';
import { GEOMETRY_PAGES, VERIFY_PAGE, XOR_AND_POWER_PAGES } from './disk-mode-pages.ts';
import {
  definePage,
  ModePageCode,
  ModeSubpageCode,
  pageLayout,
  subpageLayout,
  type ModePageDefinition,
  type ModePageHeader,
  type ModeSubpageHeader,
} from './mode-page-definition.ts';

/** Caching mode page (SBC-3 6.5.5). */
export interface CachingPage extends ModePageHeader {
  /** Write cache enabled: GOOD for a write does not mean that it is on the medium. */
  WCE: number;
  /** Read cache disabled. */
  RCD: number;
}

const cachingPage = pageLayout<CachingPage>(20, [
  flags('IC', 'ABPF', 'CAP', 'DISC', 'SIZE', 'WCE', 'MF', 'RCD'),
  flags('DEMAND_READ_RETENTION_PRIORITY:4', 'WRITE_RETENTION_PRIORITY:4'),
  u16be('DISABLE_PREFETCH_TRANSFER_LENGTH'),
  u16be('MINIMUM_PREFETCH'),
  u16be('MAXIMUM_PREFETCH'),
  u16be('MAXIMUM_PREFETCH_CEILING'),
  flags('FSW', 'LBCSS', 'DRA', 'RESERVED:2', 'SYNC_PROG:2', 'NV_DIS'),
  u8('NUMBER_OF_CACHE_SEGMENTS'),
  u16be('CACHE_SEGMENT_SIZE'),
  bytes(4),
]);

/** Control mode page (SPC-4 7.5.8). */
export interface ControlPage extends ModePageHeader {
  /** 1: every nexus has a task set of its own. */
  TST: number;
  /** 1: with 000b in RDPROTECT and the like, protection information is not checked. */
  DPICZ: number;
  /** 1: sense data in descriptor format. */
  D_SENSE: number;
  /** 1: SIMPLE commands may be reordered without limits. */
  QUEUE_ALGORITHM_MODIFIER: number;
  /** 1 and 3: CHECK CONDITION aborts the other commands of the task set, or those of the same nexus only. */
  QERR: number;
  /** 2: only REQUEST SENSE ends a unit attention condition; 3: BUSY and the like establish one besides. */
  UA_INTLCK_CTRL: number;
  /** Software write protect. */
  SWP: number;
  /** 1: application tags belong to the initiator. */
  ATO: number;
  TAS: number;
  /** 1: writes without protection information in the data are refused. */
  RWWP: number;
}

const controlPage = pageLayout<ControlPage>(12, [
  flags('TST:3', 'TMF_ONLY', 'DPICZ', 'D_SENSE', 'GLTSD', 'RLEC'),
  flags('QUEUE_ALGORITHM_MODIFIER:4', 'NUAR', 'QERR:2', 'RESERVED'),
  flags('RESERVED', 'RAC', 'UA_INTLCK_CTRL:2', 'SWP', 'RESERVED:3'),
  flags('ATO', 'TAS', 'ATMPE', 'RWWP', 'RESERVED', 'AUTOLOAD_MODE:3'),
  bytes(2),
  u16be('BUSY_TIMEOUT_PERIOD'),
  u16be('EXTENDED_SELF_TEST_COMPLETION_TIME'),
]);

/** Control Extension mode page (SPC-4 7.5.9). */
interface ControlExtensionPage extends ModeSubpageHeader {
  /** 1: the timestamp has its first value from elsewhere: the clock. */
  TCMOS: number;
  /** 1: what SET TIMESTAMP sets takes precedence. */
  SCSIP: number;
  /** 1: target port groups may change their states without SET TARGET PORT GROUPS. */
  IALUAE: number;
}

const controlExtensionPage = subpageLayout<ControlExtensionPage>(32, [
  flags('RESERVED:5', 'TCMOS', 'SCSIP', 'IALUAE'),
  flags('RESERVED:4', 'INITIAL_COMMAND_PRIORITY:4'),
  u8('MAXIMUM_SENSE_DATA_LENGTH'),
  bytes(25),
]);

interface ErrorRecoveryPage extends ModePageHeader {
  /** 1: thresholds of thin provisioning raise unit attentions. */
  LBPERE: number;
}

/** Read-Write Error Recovery mode page (SBC-3 6.5.8): nothing is reallocated, retried or corrected here. */
const errorRecoveryPage = pageLayout<ErrorRecoveryPage>(12, [
  flags('AWRE', 'ARRE', 'TB', 'RC', 'EER', 'PER', 'DTE', 'DCR'),
  u8('READ_RETRY_COUNT'),
  bytes(3),
  flags('LBPERE', 'RESERVED:7'),
  u8('WRITE_RETRY_COUNT'),
  bytes(1),
  u16be('RECOVERY_TIME_LIMIT'),
]);

interface InformationalExceptionsPage extends ModePageHeader {
  DEXCPT: number;
  MRIE: number;
}

/** Informational Exceptions Control mode page (SBC-3 6.5.7). */
const informationalExceptionsPage = pageLayout<InformationalExceptionsPage>(12, [
  flags('PERF', 'RESERVED', 'EBF', 'EWASC', 'DEXCPT', 'TEST', 'EBACKERR', 'LOGERR'),
  flags('RESERVED:4', 'MRIE:4'),
  bytes(8),
]);

// QUEUE ALGORITHM MODIFIER 1: a block device gives overlapping requests no order.
const CONTROL_PAGE = definePage(controlPage, ModePageCode.CONTROL, {
  defaults: { QUEUE_ALGORITHM_MODIFIER: 1 },
  changeable: { TST: 0b001, D_SENSE: 1, QERR: 0b11, UA_INTLCK_CTRL: 0b11, SWP: 1 },
  allowed: { QERR: [0b00, 0b01, 0b11], UA_INTLCK_CTRL: [0b00, 0b10, 0b11] },
  protectable: { DPICZ: 1, ATO: 1, RWWP: 1 },
});

/** The pages of disks, in the ascending order in which MODE SENSE returns them. */
export const MODE_PAGES: readonly ModePageDefinition[] = [
  definePage(errorRecoveryPage, ModePageCode.READ_WRITE_ERROR_RECOVERY, {
    defaults: { LBPERE: 1 },
    changeable: { LBPERE: 1 },
  }),
  ...GEOMETRY_PAGES,
  VERIFY_PAGE,
  // WCE is 1 because GOOD for a write means that the operating system has it, not the medium (T-N1).
  definePage(cachingPage, ModePageCode.CACHING, { defaults: { WCE: 1 }, changeable: { WCE: 1 } }),
  CONTROL_PAGE,
  definePage(
    controlExtensionPage,
    ModePageCode.CONTROL,
    { defaults: { TCMOS: 1, SCSIP: 1, IALUAE: 1 } },
    ModeSubpageCode.CONTROL_EXTENSION,
  ),
  ...XOR_AND_POWER_PAGES,
  // DEXCPT is 1: no informational exception is ever reported.
  definePage(informationalExceptionsPage, ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL, {
    defaults: { DEXCPT: 1 },
  }),
  PROVISIONING_PAGE,
];

/** The pages of CD and DVD drives. */
export const CD_MODE_PAGES: readonly ModePageDefinition[] = [
  definePage(errorRecoveryPage, ModePageCode.READ_WRITE_ERROR_RECOVERY),
  CONTROL_PAGE,
  CAPABILITIES_PAGE,
];

/** Every page with a layout of its own; those that drives share with disks have the same. */
const KNOWN_PAGES: readonly ModePageDefinition[] = [...MODE_PAGES, CAPABILITIES_PAGE];

/** A mode page that was read. */
export interface ParsedModePage {
  readonly pageCode: number;
  readonly subpageCode: number;
  /** Every field of the page by its name in the standard; reserved bits are left out. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Reads a mode page (with its header); undefined when this package does not know its layout. */
export function parseModePage(page: Uint8Array): ParsedModePage | undefined {
  const pageCode = page[0]! & 0x3f;
  const subpageCode = (page[0]! & 0x40) === 0 ? ModeSubpageCode.NONE : (page[1] ?? 0);
  const definition = findPage(pageCode, subpageCode);
  if (definition === undefined) return undefined;
  return { pageCode, subpageCode, fields: { ...definition.structure.decode(page) } };
}

/**
 * A mode page with its header and these fields, named as in the standard, for MODE SELECT; fields that are left out are
 * zero.
 *
 * @throws Error when this package does not know the page.
 */
export function buildModePage(
  pageCode: number,
  subpageCode: number,
  fields: Readonly<Record<string, unknown>>,
): Uint8Array<ArrayBuffer> {
  const definition = findPage(pageCode, subpageCode);
  if (definition === undefined) throw new Error(`no mode page ${pageCode}/${subpageCode}`);
  const { SPF, PAGE_CODE, PAGE_LENGTH } = definition.structure.decode(definition.defaults);
  const header = { PS: 0, SPF, PAGE_CODE, SUBPAGE_CODE: subpageCode, PAGE_LENGTH };
  return definition.structure.encode({ ...fields, ...header });
}

function findPage(pageCode: number, subpageCode: number): ModePageDefinition | undefined {
  return KNOWN_PAGES.find((known) => known.pageCode === pageCode && known.subpageCode === subpageCode);
}

/** Reads a Caching mode page (with its header). */
export function parseCachingPage(page: Uint8Array): CachingPage {
  return cachingPage.decode(page);
}

/** Builds a Caching mode page with its header, for MODE SELECT. */
export function buildCachingPage(fields: Partial<CachingPage>): Uint8Array<ArrayBuffer> {
  return cachingPage.encode({
    ...fields,
    PAGE_CODE: ModePageCode.CACHING,
    PAGE_LENGTH: cachingPage.spanBytes - 2,
  });
}

/** True when a Read-Write Error Recovery mode page (with its header) lets thresholds raise unit attentions. */
export function reportsThresholds(page: Uint8Array): boolean {
  return errorRecoveryPage.decode(page).LBPERE === 1;
}

/** Reads a Control mode page (with its header). */
export function parseControlPage(page: Uint8Array): ControlPage {
  return controlPage.decode(page);
}

/** Builds a Control mode page with its header, for MODE SELECT. */
export function buildControlPage(fields: Partial<ControlPage>): Uint8Array<ArrayBuffer> {
  return controlPage.encode({
    ...fields,
    PAGE_CODE: ModePageCode.CONTROL,
    PAGE_LENGTH: controlPage.spanBytes - 2,
  });
}
