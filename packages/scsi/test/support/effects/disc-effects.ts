import { expect } from 'vitest';
import {
  discProfile,
  DiscProfile,
  GET_CONFIGURATION,
  GET_EVENT_STATUS_NOTIFICATION,
  MAX_CD_BLOCKS,
  MEDIA_CLASS_BIT,
  MECHANISM_STATUS,
  MediaEvent,
  parseDiscInformation,
  parseDriveFeatures,
  parseMechanismStatus,
  parseMediaEvent,
  parsePhysicalFormat,
  parseToc,
  parseTrackInformation,
  READ_CD,
  READ_DISC_INFORMATION,
  READ_DISC_STRUCTURE,
  READ_TOC_PMA_ATIP,
  READ_TRACK_INFORMATION,
} from '../../../src/index.ts';
import { sameBytes } from '../harness.ts';
import { discScene, effect, SCENE_BLOCKS, STORED, type CommandEffect } from './command-effect.ts';

const kind = 'cd-rom';

/** What each command of CD and DVD drives does, on a disc of {@link SCENE_BLOCKS} blocks of 2048 bytes. */
export const DISC_EFFECTS: readonly CommandEffect[] = [
  effect(
    READ_TOC_PMA_ATIP,
    { ALLOCATION_LENGTH: 100 },
    (_scene, { data }) => {
      expect(parseToc(data)).toMatchObject([
        { CONTROL: 4, TRACK_NUMBER: 1, START_ADDRESS: Uint8Array.of(0, 0, 0, 0) },
        { CONTROL: 4, TRACK_NUMBER: 0xaa, START_ADDRESS: Uint8Array.of(0, 0, 0, SCENE_BLOCKS) },
      ]);
    },
    { kind },
  ),
  effect(
    READ_DISC_INFORMATION,
    { ALLOCATION_LENGTH: 64 },
    (_scene, { data }) => {
      expect(data).toHaveLength(34);
      expect(parseDiscInformation(data)).toMatchObject({
        ERASABLE: 0,
        DISC_STATUS: 2,
        NUMBER_OF_SESSIONS: 1,
      });
    },
    { kind },
  ),
  effect(
    READ_TRACK_INFORMATION,
    { ADDRESS_NUMBER_TYPE: 1, LOGICAL_BLOCK_ADDRESS: 1, ALLOCATION_LENGTH: 64 },
    (_scene, { data }) => {
      expect(parseTrackInformation(data)).toMatchObject({
        TRACK_NUMBER: 1,
        TRACK_MODE: 4,
        TRACK_SIZE: SCENE_BLOCKS,
      });
    },
    { kind },
  ),
  effect(
    READ_DISC_STRUCTURE,
    { ALLOCATION_LENGTH: 2052 },
    ({ harness }, { data }) => {
      expect(discProfile(harness.unit.blockCount)).toBe(DiscProfile.DVD_ROM);
      expect(data).toHaveLength(2052);
      const { STARTING_PHYSICAL_SECTOR: start, END_PHYSICAL_SECTOR: end } = parsePhysicalFormat(data);
      expect([start, end - start + 1]).toEqual([0x30000, MAX_CD_BLOCKS + 1]);
    },
    { kind, prepare: (scene) => discScene(scene, MAX_CD_BLOCKS + 1) },
  ),
  effect(
    READ_CD,
    { STARTING_LOGICAL_BLOCK_ADDRESS: 1, TRANSFER_LENGTH: 2, USER_DATA: 1 },
    (_scene, { data }) => {
      expect(sameBytes(data, STORED.subarray(2048, 3 * 2048))).toBe(true);
    },
    { kind },
  ),
  effect(
    MECHANISM_STATUS,
    { ALLOCATION_LENGTH: 8 },
    (_scene, { data }) => {
      expect(parseMechanismStatus(data)).toMatchObject({ DOOR_OPEN: 0, NUMBER_OF_SLOTS: 1 });
    },
    { kind },
  ),
  effect(
    GET_CONFIGURATION,
    { ALLOCATION_LENGTH: 256 },
    (_scene, { data }) => {
      const { profile, features } = parseDriveFeatures(data);
      expect(profile).toBe(DiscProfile.CD_ROM);
      expect(features.map(({ FEATURE_CODE }) => FEATURE_CODE)).toEqual([0, 1, 2, 3, 0x10, 0x1e, 0x1f]);
    },
    { kind },
  ),
  effect(
    GET_EVENT_STATUS_NOTIFICATION,
    { POLLED: 1, NOTIFICATION_CLASS_REQUEST: MEDIA_CLASS_BIT, ALLOCATION_LENGTH: 8 },
    (_scene, { data }) => {
      expect(parseMediaEvent(data)).toMatchObject({
        MEDIA_EVENT: MediaEvent.NO_CHANGE,
        MEDIA_PRESENT: 1,
        DOOR_OR_TRAY_OPEN: 0,
      });
    },
    { kind },
  ),
];
