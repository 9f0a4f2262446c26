import { REPORT_REFERRALS, REPORT_TARGET_PORT_GROUPS, SET_TARGET_PORT_GROUPS } from '../cdb/path-cdbs.ts';
import type { DataFormat } from '../description/data-format.ts';
import { describeObject, type Meanings } from '../description/description.ts';
import { ACCESS_STATE_CODES } from '../path/access-state.ts';
import { returns, takes, type CommandData } from './command-data-row.ts';
import {
  buildPortGroups,
  buildSetPortGroupsList,
  implicitTransitionSeconds,
  parsePortGroups,
  parseSetPortGroupsList,
} from './port-groups.ts';
import { buildReferrals, parseReferrals } from './referrals.ts';

const STATES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(ACCESS_STATE_CODES).map(([state, code]) => [code, state]),
);

const PORT_GROUP_MEANINGS: Meanings = {
  ASYMMETRIC_ACCESS_STATE: STATES,
  STATUS_CODE: { 0: 'none', 1: 'by SET TARGET PORT GROUPS', 2: 'by the target' },
};

const PORT_GROUPS: DataFormat = {
  name: 'target port groups',
  build: buildPortGroups,
  parse: parsePortGroups,
  explain: (data) => {
    const seconds = implicitTransitionSeconds(data);
    const header = seconds === undefined ? {} : { IMPLICIT_TRANSITION_TIME: seconds };
    const groups = { ...header, groups: parsePortGroups(data) };
    return describeObject('target port groups', groups, PORT_GROUP_MEANINGS);
  },
};

const SET_PORT_GROUPS: DataFormat = {
  name: 'target port groups',
  build: buildSetPortGroupsList,
  parse: parseSetPortGroupsList,
  meanings: { ASYMMETRIC_ACCESS_STATE: STATES },
};

const REFERRALS: DataFormat = {
  name: 'referrals',
  build: buildReferrals,
  parse: parseReferrals,
  meanings: { ASYMMETRIC_ACCESS_STATE: STATES },
};

/** The data of the commands about paths. */
export const PATH_DATA: readonly CommandData[] = [
  returns(REPORT_TARGET_PORT_GROUPS, PORT_GROUPS),
  takes(SET_TARGET_PORT_GROUPS, SET_PORT_GROUPS),
  returns(REPORT_REFERRALS, REFERRALS),
];
