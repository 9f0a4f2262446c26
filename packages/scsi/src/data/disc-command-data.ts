import * as mmc from '../cdb/mmc-cdbs.ts';
import type { CommandData } from './command-data.ts';
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
import { buildDriveFeatures, parseDriveFeatures } from './drive-features.ts';
import { buildMediaEvent, parseMediaEvent } from './media-event.ts';

const NONE = 'no data';

/** The data of the commands of MMC. */
export const DISC_DATA: readonly CommandData[] = [
  {
    cdb: mmc.READ_TOC_PMA_ATIP,
    dataIn: {
      name: 'table of contents',
      build: buildToc,
      parse: (data: Uint8Array, cdb: Uint8Array): object => {
        const isFull = mmc.READ_TOC_PMA_ATIP.decode(cdb).FORMAT === TocFormat.FULL_TOC;
        return { tracks: isFull ? parseFullToc(data) : parseToc(data) };
      },
    },
    dataOut: NONE,
  },
  {
    cdb: mmc.GET_CONFIGURATION,
    dataIn: { name: 'drive features', build: buildDriveFeatures, parse: parseDriveFeatures },
    dataOut: NONE,
  },
  {
    cdb: mmc.GET_EVENT_STATUS_NOTIFICATION,
    dataIn: { name: 'media event', build: buildMediaEvent, parse: (data) => parseMediaEvent(data) ?? {} },
    dataOut: NONE,
  },
  {
    cdb: mmc.READ_DISC_INFORMATION,
    dataIn: { name: 'disc information', build: buildDiscInformation, parse: parseDiscInformation },
    dataOut: NONE,
  },
  {
    cdb: mmc.READ_TRACK_INFORMATION,
    dataIn: { name: 'track information', build: buildTrackInformation, parse: parseTrackInformation },
    dataOut: NONE,
  },
  {
    cdb: mmc.READ_DISC_STRUCTURE,
    dataIn: {
      name: 'disc structure',
      build: (format: number, blockCount: number) =>
        buildDiscStructure(format, blockCount) ?? new Uint8Array(0),
      parse: (data, cdb) => parseDiscStructure(mmc.READ_DISC_STRUCTURE.decode(cdb).FORMAT, data),
    },
    dataOut: NONE,
  },
  {
    cdb: mmc.MECHANISM_STATUS,
    dataIn: { name: 'mechanism status', build: buildMechanismStatus, parse: parseMechanismStatus },
    dataOut: NONE,
  },
  { cdb: mmc.READ_CD, dataIn: 'logical blocks', dataOut: NONE },
];
