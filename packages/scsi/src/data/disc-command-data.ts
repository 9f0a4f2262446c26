import * as mmc from '../cdb/mmc-cdbs.ts';
import { valueWords } from '../description/description.ts';
import { returns, type CommandData } from './command-data-row.ts';
import { DiscProfile } from './disc-address.ts';
import {
  buildDiscInformation,
  buildMechanismStatus,
  buildTrackInformation,
  parseDiscInformation,
  parseMechanismStatus,
  parseTrackInformation,
} from './disc-information.ts';
import { buildDiscStructure, parseDiscStructure } from './disc-structure.ts';
import { buildToc, parseFullToc, parseToc, TocFormat } from './disc-toc.ts';
import { buildDriveFeatures, FeatureCode, parseDriveFeatures } from './drive-features.ts';
import { buildMediaEvent, parseMediaEvent } from './media-event.ts';

/** The data of the commands of MMC. */
export const DISC_DATA: readonly CommandData[] = [
  returns(mmc.READ_TOC_PMA_ATIP, {
    name: 'table of contents',
    build: buildToc,
    parse: (data: Uint8Array, cdb: Uint8Array): object => {
      const isFull = mmc.READ_TOC_PMA_ATIP.decode(cdb).FORMAT === TocFormat.FULL_TOC;
      return { tracks: isFull ? parseFullToc(data) : parseToc(data) };
    },
  }),
  returns(mmc.GET_CONFIGURATION, {
    name: 'drive features',
    build: buildDriveFeatures,
    parse: parseDriveFeatures,
    meanings: { profile: valueWords(DiscProfile), FEATURE_CODE: valueWords(FeatureCode) },
  }),
  returns(mmc.GET_EVENT_STATUS_NOTIFICATION, {
    name: 'media event',
    build: buildMediaEvent,
    parse: (data) => parseMediaEvent(data) ?? {},
  }),
  returns(mmc.READ_DISC_INFORMATION, {
    name: 'disc information',
    build: buildDiscInformation,
    parse: parseDiscInformation,
  }),
  returns(mmc.READ_TRACK_INFORMATION, {
    name: 'track information',
    build: buildTrackInformation,
    parse: parseTrackInformation,
  }),
  returns(mmc.READ_DISC_STRUCTURE, {
    name: 'disc structure',
    build: (format: number, blockCount: number) =>
      buildDiscStructure(format, blockCount) ?? new Uint8Array(0),
    parse: (data, cdb) => parseDiscStructure(mmc.READ_DISC_STRUCTURE.decode(cdb).FORMAT, data),
  }),
  returns(mmc.MECHANISM_STATUS, {
    name: 'mechanism status',
    build: buildMechanismStatus,
    parse: parseMechanismStatus,
  }),
  returns(mmc.READ_CD, 'logical blocks'),
];
