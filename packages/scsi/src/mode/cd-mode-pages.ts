import { u16be, u8 } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import {
  definePage,
  ModePageCode,
  pageLayout,
  type ModePageDefinition,
  type ModePageHeader,
} from './mode-page-definition.ts';

/** MM Capabilities and Mechanical Status mode page (MMC-3 6.3.11). */
export interface CapabilitiesPage extends ModePageHeader {
  DVD_ROM_READ: number;
  CD_RW_READ: number;
  CD_R_READ: number;
  /** 1: a tray. */
  LOADING_MECHANISM_TYPE: number;
  EJECT: number;
  /** 1: an initiator prevents the removal of the medium now. */
  LOCK_STATE: number;
  LOCK: number;
}

const capabilitiesPage = pageLayout<CapabilitiesPage>(22, [
  flags('RESERVED:2', 'DVD_RAM_READ', 'DVD_R_READ', 'DVD_ROM_READ', 'METHOD_2', 'CD_RW_READ', 'CD_R_READ'),
  flags('RESERVED:2', 'DVD_RAM_WRITE', 'DVD_R_WRITE', 'RESERVED', 'TEST_WRITE', 'CD_RW_WRITE', 'CD_R_WRITE'),
  bytes(2),
  flags('LOADING_MECHANISM_TYPE:3', 'RESERVED', 'EJECT', 'PREVENT_JUMPER', 'LOCK_STATE', 'LOCK'),
  u8('CHANGER_FLAGS'),
  u16be('MAXIMUM_READ_SPEED'),
  u16be('NUMBER_OF_VOLUME_LEVELS'),
  u16be('BUFFER_SIZE'),
  u16be('CURRENT_READ_SPEED'),
  bytes(6),
]);

/** MM Capabilities and Mechanical Status. */
export const CAPABILITIES_PAGE: ModePageDefinition = definePage(
  capabilitiesPage,
  ModePageCode.MM_CAPABILITIES,
  {
    defaults: { DVD_ROM_READ: 1, CD_RW_READ: 1, CD_R_READ: 1, LOADING_MECHANISM_TYPE: 1, EJECT: 1, LOCK: 1 },
    geometry: ({ removalPrevented }) => ({ LOCK_STATE: removalPrevented ? 1 : 0 }),
  },
);

/** Reads an MM Capabilities and Mechanical Status mode page (with its header). */
export function parseCapabilitiesPage(page: Uint8Array): CapabilitiesPage {
  return capabilitiesPage.decode(page);
}
