import { answer, GOOD } from '../answers.ts';
import { REPORT_REFERRALS, REPORT_TARGET_PORT_GROUPS, SET_TARGET_PORT_GROUPS } from '../cdb/path-cdbs.ts';
import {
  buildPortGroups,
  parseSetPortGroupsList,
  PortGroupsFormat,
  SET_PORT_GROUP_BYTES,
  SET_PORT_GROUPS_HEADER_BYTES,
  STATUS_CODES,
  type SetPortGroupDescriptor,
} from '../data/port-groups.ts';
import { buildReferrals } from '../data/referrals.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { ACCESS_STATE_CODES, accessStateOf } from '../path/access-state.ts';
import { MAX_TARGET_PORTS, type PortGroup, type TargetPorts } from '../path/target-ports.ts';
import { changeAccess, type NamedGroupChange } from '../path/unit-paths.ts';
import { AdditionalSenseCode, SenseKey } from '../sense/additional-sense.ts';
import {
  CheckConditionError,
  illegalRequest,
  invalidCdbField,
  invalidParameter,
  lbaOutOfRange,
} from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { ALL_UNITS } from '../unit/unit-kind.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';

/** The states that a group may have: all but LBA dependent, as there is one user data segment. */
const SUPPORTED = { T_SUP: 1, O_SUP: 1, U_SUP: 1, S_SUP: 1, AN_SUP: 1, AO_SUP: 1 };

/** Every group once, and as many ports: a longer list says something twice. */
const MAX_LIST_BYTES = SET_PORT_GROUPS_HEADER_BYTES + 2 * MAX_TARGET_PORTS * SET_PORT_GROUP_BYTES;

/** The same on every path, also on one that takes no other command (T-W3, T-V8). */
function reportTargetPortGroups({ unit }: ItlNexus, command: ScsiCommand): Finished {
  const fields = REPORT_TARGET_PORT_GROUPS.decode(command.cdb);
  const format = fields.PARAMETER_DATA_FORMAT;
  if (format > PortGroupsFormat.EXTENDED) {
    throw invalidCdbField(REPORT_TARGET_PORT_GROUPS, 'PARAMETER_DATA_FORMAT');
  }
  const groups = unit.targetPorts.groups.map((group) => ({
    ...SUPPORTED,
    PREF: group.preferred ? 1 : 0,
    ASYMMETRIC_ACCESS_STATE: ACCESS_STATE_CODES[group.state],
    TARGET_PORT_GROUP: group.group,
    STATUS_CODE: STATUS_CODES[group.changedBy],
    ports: group.ports,
  }));
  return answer(buildPortGroups(groups, format === PortGroupsFormat.EXTENDED), fields.ALLOCATION_LENGTH);
}

function startSetTargetPortGroups(itl: ItlNexus, command: ScsiCommand): Execution {
  const lengthBytes = SET_TARGET_PORT_GROUPS.decode(command.cdb).PARAMETER_LIST_LENGTH;
  // SPC-4 6.45: no list changes nothing.
  if (lengthBytes === 0) return GOOD;
  const descriptorBytes = lengthBytes - SET_PORT_GROUPS_HEADER_BYTES;
  if (descriptorBytes < 0 || descriptorBytes % SET_PORT_GROUP_BYTES !== 0 || lengthBytes > MAX_LIST_BYTES) {
    throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  }
  return new ParameterList(itl, 0, lengthBytes, (list) => {
    const descriptors = parseSetPortGroupsList(list);
    const changes = descriptors.map((wanted, index) => readChange(itl.unit.targetPorts, wanted, index));
    changeAccess(itl.unit, changes, itl);
    return GOOD;
  });
}

/** All descriptors are checked before one is carried out. */
function readChange(
  targetPorts: TargetPorts,
  { ASYMMETRIC_ACCESS_STATE, TARGET_PORT_GROUP_OR_TARGET_PORT: number }: SetPortGroupDescriptor,
  index: number,
): NamedGroupChange {
  const at = SET_PORT_GROUPS_HEADER_BYTES + index * SET_PORT_GROUP_BYTES;
  const state = accessStateOf(ASYMMETRIC_ACCESS_STATE);
  if (state === undefined || state === 'transitioning') throw invalidParameter(at, 3);
  const group = state === 'offline' ? groupOfPort(targetPorts, number) : targetPorts.group(number);
  if (group === undefined) throw invalidParameter(at + 2);
  // Whoever runs the target has begun a transition, and ends it.
  if (group.state === 'transitioning') throw commandFailed();
  return { group: group.group, state };
}

/** Offline is the state of a port: here of one that is alone in its group. */
function groupOfPort({ groups }: TargetPorts, port: number): PortGroup | undefined {
  return groups.find(({ ports }) => ports.length === 1 && ports[0] === port);
}

function commandFailed(): CheckConditionError {
  const code = AdditionalSenseCode.SET_TARGET_PORT_GROUPS_COMMAND_FAILED;
  return new CheckConditionError({ senseKey: SenseKey.HARDWARE_ERROR, ...code });
}

/** The whole unit is one user data segment, so that there never is another one after it. */
function reportReferrals({ unit }: ItlNexus, command: ScsiCommand): Finished {
  const fields = REPORT_REFERRALS.decode(command.cdb);
  const lba = fields.LOGICAL_BLOCK_ADDRESS;
  if (lba >= unit.blockCount) throw lbaOutOfRange(lba);
  const groups = unit.targetPorts.groups.map(({ group, state }) => ({
    TARGET_PORT_GROUP: group,
    ASYMMETRIC_ACCESS_STATE: ACCESS_STATE_CODES[state],
  }));
  const segment = { firstLba: 0, lastLba: unit.blockCount - 1, groups };
  return answer(buildReferrals([segment]), fields.ALLOCATION_LENGTH);
}

/** REPORT TARGET PORT GROUPS, SET TARGET PORT GROUPS and REPORT REFERRALS. */
export const PORT_GROUP_COMMANDS: readonly CommandEntry[] = [
  defineCommand(REPORT_TARGET_PORT_GROUPS, reportTargetPortGroups, {
    units: ALL_UNITS,
    reservation: 'allowed',
    access: 'free',
    path: 'any',
  }),
  defineCommand(SET_TARGET_PORT_GROUPS, startSetTargetPortGroups, {
    units: ALL_UNITS,
    governs: true,
    administers: true,
    path: 'unavailable',
  }),
  defineCommand(REPORT_REFERRALS, reportReferrals, {
    reservation: 'allowed',
    access: 'free',
    path: 'standby',
  }),
];
