import { u16be, u8 } from 'buffer-layout';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** Page codes of the mode pages that this device server has. */
export const ModePageCode = {
  READ_WRITE_ERROR_RECOVERY: 0x01,
  CACHING: 0x08,
  CONTROL: 0x0a,
  INFORMATIONAL_EXCEPTIONS_CONTROL: 0x1c,
  ALL_PAGES: 0x3f,
} as const;

/** Subpage code of all subpages, and of the Control Extension page. */
export const ModeSubpageCode = { NONE: 0x00, CONTROL_EXTENSION: 0x01, ALL_SUBPAGES: 0xff } as const;

/** The header of a mode page in page_0 format. */
export interface ModePageHeader {
  PS: number;
  SPF: number;
  PAGE_CODE: number;
  PAGE_LENGTH: number;
}

/** Caching mode page (SBC-3 6.5.5). */
export interface CachingPage extends ModePageHeader {
  /** Write cache enabled: GOOD for a write does not mean that it is on the medium. */
  WCE: number;
  /** Read cache disabled. */
  RCD: number;
}

const pageHeader = [flags('PS', 'SPF', 'PAGE_CODE:6'), u8('PAGE_LENGTH')];

const cachingPage: Structure<CachingPage> = structure(20, [
  ...pageHeader,
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
  TST: number;
  /** 1: sense data in descriptor format. */
  D_SENSE: number;
  /** 1: SIMPLE commands may be reordered without limits. */
  QUEUE_ALGORITHM_MODIFIER: number;
  QERR: number;
  UA_INTLCK_CTRL: number;
  /** Software write protect. */
  SWP: number;
  TAS: number;
}

const controlPage: Structure<ControlPage> = structure(12, [
  ...pageHeader,
  flags('TST:3', 'TMF_ONLY', 'DPICZ', 'D_SENSE', 'GLTSD', 'RLEC'),
  flags('QUEUE_ALGORITHM_MODIFIER:4', 'NUAR', 'QERR:2', 'RESERVED'),
  flags('RESERVED', 'RAC', 'UA_INTLCK_CTRL:2', 'SWP', 'RESERVED:3'),
  flags('ATO', 'TAS', 'ATMPE', 'RWWP', 'RESERVED', 'AUTOLOAD_MODE:3'),
  bytes(2),
  u16be('BUSY_TIMEOUT_PERIOD'),
  u16be('EXTENDED_SELF_TEST_COMPLETION_TIME'),
]);

interface SubpageHeader {
  SPF: number;
  PAGE_CODE: number;
  SUBPAGE_CODE: number;
  PAGE_LENGTH: number;
}

/** Control Extension mode page (SPC-4 7.5.9). */
const controlExtensionPage: Structure<SubpageHeader> = structure(32, [
  flags('PS', 'SPF', 'PAGE_CODE:6'),
  u8('SUBPAGE_CODE'),
  u16be('PAGE_LENGTH'),
  flags('RESERVED:5', 'TCMOS', 'SCSIP', 'IALUAE'),
  flags('RESERVED:4', 'INITIAL_COMMAND_PRIORITY:4'),
  u8('MAXIMUM_SENSE_DATA_LENGTH'),
  bytes(25),
]);

/** Read-Write Error Recovery mode page (SBC-3 6.5.8): nothing is reallocated, retried or corrected here. */
const errorRecoveryPage: Structure<ModePageHeader> = structure(12, [
  ...pageHeader,
  flags('AWRE', 'ARRE', 'TB', 'RC', 'EER', 'PER', 'DTE', 'DCR'),
  u8('READ_RETRY_COUNT'),
  bytes(4),
  u8('WRITE_RETRY_COUNT'),
  bytes(1),
  u16be('RECOVERY_TIME_LIMIT'),
]);

interface InformationalExceptionsPage extends ModePageHeader {
  DEXCPT: number;
  MRIE: number;
}

/** Informational Exceptions Control mode page (SBC-3 6.5.7). */
const informationalExceptionsPage: Structure<InformationalExceptionsPage> = structure(12, [
  ...pageHeader,
  flags('PERF', 'RESERVED', 'EBF', 'EWASC', 'DEXCPT', 'TEST', 'EBACKERR', 'LOGERR'),
  flags('RESERVED:4', 'MRIE:4'),
  bytes(8),
]);

/** A mode page of this device server: its default values and which bits MODE SELECT may change. */
export interface ModePageDefinition {
  readonly pageCode: number;
  readonly subpageCode: number;
  readonly defaults: Uint8Array;
  /** The page with one bits where it can be changed, as MODE SENSE reports it with PC 01b. */
  readonly changeable: Uint8Array;
}

function definePage<T extends { PAGE_CODE: number; PAGE_LENGTH: number }>(
  layout: Structure<T>,
  pageCode: number,
  values: Partial<T>,
  changeable: Partial<T> = {},
): ModePageDefinition {
  const header = { PAGE_CODE: pageCode, PAGE_LENGTH: layout.spanBytes - 2 } as Partial<T>;
  return {
    pageCode,
    subpageCode: ModeSubpageCode.NONE,
    defaults: layout.encode({ ...values, ...header }),
    changeable: layout.encode({ ...changeable, ...header }),
  };
}

const controlExtension = controlExtensionPage.encode({
  SPF: 1,
  PAGE_CODE: ModePageCode.CONTROL,
  SUBPAGE_CODE: ModeSubpageCode.CONTROL_EXTENSION,
  PAGE_LENGTH: controlExtensionPage.spanBytes - 4,
});

/** All pages, in the ascending order in which MODE SENSE returns them. */
export const MODE_PAGES: readonly ModePageDefinition[] = [
  definePage(errorRecoveryPage, ModePageCode.READ_WRITE_ERROR_RECOVERY, {}),
  // WCE is 1 because GOOD for a write means that the operating system has it, not the medium (T-N1).
  definePage(cachingPage, ModePageCode.CACHING, { WCE: 1 }, { WCE: 1 }),
  // QUEUE ALGORITHM MODIFIER 1: a block device gives overlapping requests no order.
  definePage(controlPage, ModePageCode.CONTROL, { QUEUE_ALGORITHM_MODIFIER: 1 }, { D_SENSE: 1, SWP: 1 }),
  {
    pageCode: ModePageCode.CONTROL,
    subpageCode: ModeSubpageCode.CONTROL_EXTENSION,
    defaults: controlExtension,
    changeable: controlExtension,
  },
  // DEXCPT is 1: no informational exception is ever reported.
  definePage(informationalExceptionsPage, ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL, { DEXCPT: 1 }),
];

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
