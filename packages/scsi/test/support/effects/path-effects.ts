import { expect } from 'vitest';
import {
  ACCESS_STATE_CODES,
  buildSetPortGroupsList,
  parsePortGroups,
  parseReferrals,
  REPORT_REFERRALS,
  REPORT_TARGET_PORT_GROUPS,
  SET_TARGET_PORT_GROUPS,
} from '../../../src/index.ts';
import { effect, SCENE_BLOCKS, type CommandEffect } from './command-effect.ts';

const STANDBY = ACCESS_STATE_CODES.standby;
const list = buildSetPortGroupsList([
  { ASYMMETRIC_ACCESS_STATE: STANDBY, TARGET_PORT_GROUP_OR_TARGET_PORT: 1 },
]);
const ACTIVE = ACCESS_STATE_CODES['active/optimized'];

/** What each command about paths does. */
export const PATH_EFFECTS: readonly CommandEffect[] = [
  effect(REPORT_TARGET_PORT_GROUPS, { ALLOCATION_LENGTH: 255 }, (_scene, { data }) => {
    expect(parsePortGroups(data)).toMatchObject([
      { TARGET_PORT_GROUP: 1, ASYMMETRIC_ACCESS_STATE: ACTIVE, ports: [1] },
    ]);
  }),
  effect(
    SET_TARGET_PORT_GROUPS,
    { PARAMETER_LIST_LENGTH: list.length },
    ({ harness }) => {
      expect(harness.unit.portGroups).toMatchObject([{ group: 1, state: 'standby', changedBy: 'initiator' }]);
    },
    { dataOut: list },
  ),
  effect(REPORT_REFERRALS, { ALLOCATION_LENGTH: 255 }, (_scene, { data }) => {
    expect(parseReferrals(data)).toEqual([
      {
        firstLba: 0,
        lastLba: SCENE_BLOCKS - 1,
        groups: [{ TARGET_PORT_GROUP: 1, ASYMMETRIC_ACCESS_STATE: ACTIVE }],
      },
    ]);
  }),
];
