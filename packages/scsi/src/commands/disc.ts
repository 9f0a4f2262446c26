import { answer, GOOD } from '../answers.ts';
import {
  GET_CONFIGURATION,
  GET_EVENT_STATUS_NOTIFICATION,
  MECHANISM_STATUS,
  READ_CD,
  READ_DISC_INFORMATION,
  READ_DISC_STRUCTURE,
  READ_TOC_PMA_ATIP,
  READ_TRACK_INFORMATION,
} from '../cdb/mmc-cdbs.ts';
import { DiscProfile, discProfile } from '../data/disc-address.ts';
import {
  buildDiscInformation,
  buildMechanismStatus,
  buildTrackInformation,
} from '../data/disc-information.ts';
import { buildDiscStructure } from '../data/disc-structure.ts';
import {
  buildFullToc,
  buildSessionInformation,
  buildToc,
  LEAD_OUT_TRACK,
  TocFormat,
} from '../data/disc-toc.ts';
import { buildDriveFeatures, RequestedFeatures } from '../data/drive-features.ts';
import { buildMediaEvent, MEDIA_CLASS_BIT, MediaEvent } from '../data/media-event.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { MediaRead } from '../media/media-read.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField, lbaOutOfRange } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { CD_ROMS } from '../unit/unit-kind.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { checkTransfer, refuseFields } from './validate.ts';

/** EXPECTED SECTOR TYPE of READ CD (MMC-6 table 353). */
const SectorType = { ANY: 0, MODE_1: 2 } as const;

/** ADDRESS/NUMBER TYPE of READ TRACK INFORMATION (MMC-6 table 498). */
const AddressType = { LBA: 0b00, TRACK: 0b01, SESSION: 0b10 } as const;

function readToc({ unit }: ItlNexus, command: ScsiCommand): Finished {
  const fields = READ_TOC_PMA_ATIP.decode(command.cdb);
  const number = fields.TRACK_SESSION_NUMBER;
  const layout = { blockCount: unit.blockCount, msf: fields.MSF === 1 };
  if (fields.FORMAT === TocFormat.SESSION_INFORMATION) {
    return answer(buildSessionInformation(layout), fields.ALLOCATION_LENGTH);
  }
  if (fields.FORMAT !== TocFormat.TOC && fields.FORMAT !== TocFormat.FULL_TOC) {
    throw invalidCdbField(READ_TOC_PMA_ATIP, 'FORMAT');
  }
  const isToc = fields.FORMAT === TocFormat.TOC;
  // There is one track in one session.
  if (number > 1 && !(isToc && number === LEAD_OUT_TRACK)) {
    throw invalidCdbField(READ_TOC_PMA_ATIP, 'TRACK_SESSION_NUMBER');
  }
  return answer(isToc ? buildToc(layout, number) : buildFullToc(layout), fields.ALLOCATION_LENGTH);
}

function getConfiguration({ unit }: ItlNexus, command: ScsiCommand): Finished {
  const fields = GET_CONFIGURATION.decode(command.cdb);
  if (fields.RT > RequestedFeatures.ONE) throw invalidCdbField(GET_CONFIGURATION, 'RT');
  const profile = discProfile(unit.blockCount);
  return answer(
    buildDriveFeatures(profile, fields.RT, fields.STARTING_FEATURE_NUMBER),
    fields.ALLOCATION_LENGTH,
  );
}

/** An initiator hears of each event once; another one hears of it for itself. */
function getEventStatus(itl: ItlNexus, command: ScsiCommand): Finished {
  const fields = GET_EVENT_STATUS_NOTIFICATION.decode(command.cdb);
  // MMC-6 6.6.1: being told later is optional.
  if (fields.POLLED === 0) throw invalidCdbField(GET_EVENT_STATUS_NOTIFICATION, 'POLLED');
  const { tray } = itl.unit;
  const asked = (fields.NOTIFICATION_CLASS_REQUEST & MEDIA_CLASS_BIT) !== 0;
  const event = buildMediaEvent(
    asked
      ? {
          MEDIA_EVENT: itl.mediaEvent,
          MEDIA_PRESENT: tray.loaded ? 1 : 0,
          DOOR_OR_TRAY_OPEN: tray.open ? 1 : 0,
        }
      : undefined,
  );
  // Who asks for less than the event has not heard of it (MMC-6 6.6.1).
  if (asked && fields.ALLOCATION_LENGTH >= event.length) itl.mediaEvent = MediaEvent.NO_CHANGE;
  return answer(event, fields.ALLOCATION_LENGTH);
}

function readDiscInformation(_itl: ItlNexus, command: ScsiCommand): Finished {
  const fields = READ_DISC_INFORMATION.decode(command.cdb);
  refuseFields(READ_DISC_INFORMATION, fields, 'DATA_TYPE');
  return answer(buildDiscInformation(), fields.ALLOCATION_LENGTH);
}

function readTrackInformation({ unit }: ItlNexus, command: ScsiCommand): Finished {
  const fields = READ_TRACK_INFORMATION.decode(command.cdb);
  refuseFields(READ_TRACK_INFORMATION, fields, 'OPEN');
  const { ADDRESS_NUMBER_TYPE: type, LOGICAL_BLOCK_ADDRESS: address } = fields;
  if (type === AddressType.LBA) {
    if (address >= unit.blockCount) throw lbaOutOfRange(address);
  } else if (type !== AddressType.TRACK && type !== AddressType.SESSION) {
    throw invalidCdbField(READ_TRACK_INFORMATION, 'ADDRESS_NUMBER_TYPE');
  } else if (address !== 1) {
    throw invalidCdbField(READ_TRACK_INFORMATION, 'LOGICAL_BLOCK_ADDRESS');
  }
  return answer(buildTrackInformation(unit.blockCount), fields.ALLOCATION_LENGTH);
}

function readDiscStructure({ unit }: ItlNexus, command: ScsiCommand): Finished {
  const fields = READ_DISC_STRUCTURE.decode(command.cdb);
  refuseFields(READ_DISC_STRUCTURE, fields, 'MEDIA_TYPE', 'LAYER_NUMBER');
  if (discProfile(unit.blockCount) !== DiscProfile.DVD_ROM) throw incompatible();
  const data = buildDiscStructure(fields.FORMAT, unit.blockCount);
  if (data === undefined) throw invalidCdbField(READ_DISC_STRUCTURE, 'FORMAT');
  return answer(data, fields.ALLOCATION_LENGTH);
}

function mechanismStatus({ unit }: ItlNexus, command: ScsiCommand): Finished {
  return answer(buildMechanismStatus(unit.tray.open), MECHANISM_STATUS.decode(command.cdb).ALLOCATION_LENGTH);
}

/** The user data of the sectors; what surrounds it on a real disc an image does not hold. */
function readCd(itl: ItlNexus, command: ScsiCommand): Execution {
  const { unit } = itl;
  const fields = READ_CD.decode(command.cdb);
  const { EXPECTED_SECTOR_TYPE: type, STARTING_LOGICAL_BLOCK_ADDRESS: lba } = fields;
  refuseFields(
    READ_CD,
    fields,
    'SYNC',
    'HEADER_CODES',
    'EDC_AND_ECC',
    'C2_ERROR_INFORMATION',
    'SUB_CHANNEL_SELECTION',
  );
  if (discProfile(unit.blockCount) !== DiscProfile.CD_ROM) throw incompatible();
  if (type !== SectorType.ANY && type !== SectorType.MODE_1) {
    throw illegalRequest(AdditionalSenseCode.ILLEGAL_MODE_FOR_THIS_TRACK);
  }
  checkTransfer(unit, lba, fields.TRANSFER_LENGTH, READ_CD, 'TRANSFER_LENGTH');
  if (fields.TRANSFER_LENGTH === 0 || fields.USER_DATA === 0) return GOOD;
  return new MediaRead(itl, lba * unit.blockSize, fields.TRANSFER_LENGTH * unit.blockSize).begin();
}

/** A command for another kind of disc. */
function incompatible(): Error {
  return illegalRequest(AdditionalSenseCode.CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT);
}

const disc: Partial<CommandEntry> = { units: CD_ROMS, needsMedium: true, access: 'reads' };
const drive: Partial<CommandEntry> = { units: CD_ROMS, reservation: 'allowed', access: 'free' };

/** The commands of CD and DVD drives (MMC). */
export const DISC_COMMANDS: readonly CommandEntry[] = [
  defineCommand(READ_TOC_PMA_ATIP, readToc, disc),
  defineCommand(READ_DISC_INFORMATION, readDiscInformation, disc),
  defineCommand(READ_TRACK_INFORMATION, readTrackInformation, disc),
  defineCommand(READ_DISC_STRUCTURE, readDiscStructure, { ...disc, unsupportedFields: ['ADDRESS', 'AGID'] }),
  defineCommand(READ_CD, readCd, { ...disc, unsupportedFields: ['DAP'] }),
  defineCommand(MECHANISM_STATUS, mechanismStatus, drive),
  // MMC-6 4.1.6.1: a unit attention keeps neither of these.
  defineCommand(GET_CONFIGURATION, getConfiguration, { ...drive, duringAttention: true }),
  defineCommand(GET_EVENT_STATUS_NOTIFICATION, getEventStatus, { ...drive, duringAttention: true }),
];
