import { describe, expect, test } from 'vitest';
import {
  ACCESS_STATES,
  ACCESS_STATE_CODES,
  AdditionalSenseCode,
  buildSetPortGroupsList,
  CDB_DEFINITIONS,
  INQUIRY,
  MAX_TARGET_PORTS,
  parsePortGroups,
  parseReferrals,
  parseSense,
  parseSetPortGroupsList,
  PortGroupsFormat,
  READ_10,
  REPORT_REFERRALS,
  REPORT_TARGET_PORT_GROUPS as RTPG,
  REQUEST_SENSE,
  SenseKey,
  SET_TARGET_PORT_GROUPS as STPG,
  Status,
  supportedCommands,
  TEST_UNIT_READY,
  type AccessState,
  type SetPortGroupDescriptor,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { hex, Initiator, memoryHarness, TARGET_NAME, type Answer, type Harness } from '../support/harness.ts';

const CHANGED = attention(AdditionalSenseCode.ASYMMETRIC_ACCESS_STATE_CHANGED);
const tur = TEST_UNIT_READY.encode();
const rtpg = RTPG.encode({ ALLOCATION_LENGTH: 4096 });

/** Two paths to one unit, and what initiators know is settled. */
async function twoPaths(): Promise<Harness & { other: Initiator }> {
  const harness = await memoryHarness();
  const other = new Initiator(harness.target, 'iqn.2026-01.test.initiator:a,i,0x000000000002', 2);
  for (const initiator of [harness.initiator, other]) await initiator.settle();
  return Object.assign(harness, { other });
}

function set(initiator: Initiator, ...descriptors: SetPortGroupDescriptor[]): Promise<Answer> {
  const dataOut = buildSetPortGroupsList(descriptors);
  return initiator.send(STPG.encode({ PARAMETER_LIST_LENGTH: dataOut.length }), { dataOut });
}

function to(state: AccessState, group: number): SetPortGroupDescriptor {
  return { ASYMMETRIC_ACCESS_STATE: ACCESS_STATE_CODES[state], TARGET_PORT_GROUP_OR_TARGET_PORT: group };
}

function notReady({ asc, ascq }: { asc: number; ascq: number }): object {
  return { status: Status.CHECK_CONDITION, sense: { senseKey: SenseKey.NOT_READY, asc, ascq } };
}

/** A CDB that asks for nothing. */
function plainCdb(name: string): Uint8Array {
  return CDB_DEFINITIONS.find((known) => known.name === name)!.encode();
}

describe('REPORT TARGET PORT GROUPS', () => {
  test('answers with either header, byte for byte', async () => {
    const { initiator, unit } = await twoPaths();
    unit.setPortGroup(2, { state: 'standby', preferred: true });
    await initiator.settle();
    const groups = '00 cf 0001 00 00 00 01 0000 0001   82 cf 0002 00 02 00 01 0000 0002';
    const { data } = await initiator.send(rtpg);
    expect(data).toEqual(hex(`00000018 ${groups}`.replaceAll(' ', '')));
    const extended = { PARAMETER_DATA_FORMAT: PortGroupsFormat.EXTENDED, ALLOCATION_LENGTH: 4096 };
    const answer = await initiator.send(RTPG.encode(extended));
    expect(answer.data).toEqual(hex(`0000001c 10 00 0000 ${groups}`.replaceAll(' ', '')));
    expect(parsePortGroups(answer.data)).toEqual(parsePortGroups(data));
    for (const PARAMETER_DATA_FORMAT of [2, 7]) {
      const refused = RTPG.encode({ PARAMETER_DATA_FORMAT, ALLOCATION_LENGTH: 4096 });
      expect(await initiator.send(refused)).toMatchObject(invalidCdb(1, 7));
    }
  });

  test('is the same on every path, whatever their states (T-W3, T-V8)', async () => {
    const { initiator, other, unit } = await twoPaths();
    for (const state of ACCESS_STATES) {
      unit.setPortGroup(2, { state });
      for (const each of [initiator, other]) await each.send(REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 18 }));
      const here = await initiator.send(rtpg);
      expect(here).toMatchObject(Expected.GOOD);
      expect(await other.send(rtpg)).toEqual(here);
      expect(parsePortGroups(here.data)[1]).toMatchObject({
        ASYMMETRIC_ACCESS_STATE: ACCESS_STATE_CODES[state],
      });
    }
  });

  test('the standard INQUIRY data announce implicit and explicit access', async () => {
    const { initiator } = await memoryHarness();
    const { data } = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 36 }));
    expect(data[5]! & 0x30).toBe(0x30);
  });
});

describe('the state of a target port group', () => {
  const SENSES = {
    standby: AdditionalSenseCode.TARGET_PORT_IN_STANDBY_STATE,
    unavailable: AdditionalSenseCode.TARGET_PORT_IN_UNAVAILABLE_STATE,
    offline: AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_OFFLINE,
  };
  const RUNS = {
    standby: ['any', 'unavailable', 'standby'],
    unavailable: ['any', 'unavailable'],
    offline: ['any', 'unavailable'],
  };

  test.each(['standby', 'unavailable', 'offline'] as const)(
    '%s lets through what the table says, and names itself to the rest',
    async (state) => {
      const { initiator, unit } = await twoPaths();
      for (const { path, name } of supportedCommands('disk')) {
        unit.setPortGroup(1, { state: 'active/optimized' });
        initiator.nexus.resetUnit(new Uint8Array(8));
        unit.setPortGroup(1, { state });
        await initiator.send(REQUEST_SENSE.encode());
        await initiator.send(REQUEST_SENSE.encode());
        const answer = await initiator.send(plainCdb(name));
        const refused = answer.sense?.asc === SENSES[state].asc && answer.sense.ascq === SENSES[state].ascq;
        expect(refused, `${name} in ${state}`).toBe(!RUNS[state].includes(path));
      }
      const { data } = await initiator.send(REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 18 }));
      expect(parseSense(data)).toMatchObject({ senseKey: SenseKey.NOT_READY, ...SENSES[state] });
    },
  );

  test('transitioning ends what it does not let through with BUSY (T-W3)', async () => {
    const { initiator, other, unit } = await twoPaths();
    unit.setPortGroup(1, { state: 'transitioning' });
    for (const each of [initiator, other]) expect(await each.send(tur)).toMatchObject(CHANGED);
    for (const { path, name } of supportedCommands('disk')) {
      const { status } = await initiator.send(plainCdb(name));
      expect(status === Status.BUSY, name).toBe(path !== 'any');
    }
    const { data } = await initiator.send(REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 18 }));
    expect(parseSense(data)).toMatchObject(AdditionalSenseCode.ASYMMETRIC_ACCESS_STATE_TRANSITION);
    expect(await other.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('is that of one path: the other one takes every command', async () => {
    const { initiator, other, unit } = await twoPaths();
    unit.setPortGroup(2, { state: 'unavailable' });
    for (const each of [initiator, other]) expect(await each.send(tur)).toMatchObject(CHANGED);
    const read = READ_10.encode({ TRANSFER_LENGTH: 1 });
    expect(await initiator.send(read)).toMatchObject(Expected.GOOD);
    expect(await other.send(read)).toMatchObject(
      notReady(AdditionalSenseCode.TARGET_PORT_IN_UNAVAILABLE_STATE),
    );
  });

  test('changes with a unit attention on every nexus; what was so before is no change', async () => {
    const { initiator, other, unit } = await twoPaths();
    unit.setPortGroup(2, { state: 'active/non-optimized', preferred: true });
    for (const each of [initiator, other]) {
      expect(await each.send(tur)).toMatchObject(CHANGED);
      expect(await each.send(tur)).toMatchObject(Expected.GOOD);
    }
    expect(unit.portGroups[1]).toEqual({
      group: 2,
      state: 'active/non-optimized',
      preferred: true,
      changedBy: 'target',
      ports: [2],
    });
    unit.setPortGroup(2, { state: 'active/non-optimized' });
    expect(await other.send(tur)).toMatchObject(Expected.GOOD);
    expect(() => unit.setPortGroup(3, { state: 'standby' })).toThrow(RangeError);
  });
});

describe('SET TARGET PORT GROUPS', () => {
  test('changes groups, and tells everybody but the sender', async () => {
    const { initiator, other, unit } = await twoPaths();
    const both = [to('active/non-optimized', 1), to('standby', 2)];
    expect(parseSetPortGroupsList(buildSetPortGroupsList(both))).toEqual(both);
    expect(await set(initiator, ...both)).toMatchObject(Expected.GOOD);
    expect(unit.portGroups.map(({ state }) => state)).toEqual(['active/non-optimized', 'standby']);
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
    expect(await other.send(tur)).toMatchObject(CHANGED);
    expect(await set(other, to('active/optimized', 2))).toMatchObject(Expected.GOOD);
    expect(await other.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('takes a port offline that is alone in its group', async () => {
    const { initiator, other, unit, target } = await twoPaths();
    expect(await set(initiator, to('offline', 2))).toMatchObject(Expected.GOOD);
    expect(unit.portGroups[1]).toMatchObject({ state: 'offline' });
    expect(await other.send(REQUEST_SENSE.encode())).toMatchObject(Expected.GOOD);
    expect(await other.send(tur)).toMatchObject(notReady(AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_OFFLINE));
    expect(await set(other, to('active/optimized', 2))).toMatchObject(Expected.GOOD);
    target.addPort({ relativePort: 3, targetName: TARGET_NAME, portalGroupTag: 2 });
    await initiator.settle();
    expect(await set(initiator, to('offline', 2))).toMatchObject(invalidList(6));
  });

  test('is all or nothing: what is wrong is pointed at', async () => {
    const { initiator, unit } = await twoPaths();
    const fine = to('standby', 2);
    expect(await set(initiator, fine, to('standby', 3))).toMatchObject(invalidList(10));
    for (const ASYMMETRIC_ACCESS_STATE of [0x4, 0x5, 0xf]) {
      const wrong = { ASYMMETRIC_ACCESS_STATE, TARGET_PORT_GROUP_OR_TARGET_PORT: 1 };
      expect(await set(initiator, fine, wrong)).toMatchObject(invalidList(8, 3));
    }
    for (const PARAMETER_LIST_LENGTH of [1, 3, 7, 9, 2 ** 32 - 4]) {
      expect(await initiator.send(STPG.encode({ PARAMETER_LIST_LENGTH }))).toMatchObject(
        Expected.LIST_LENGTH_ERROR,
      );
    }
    expect(await initiator.send(STPG.encode({}))).toMatchObject(Expected.GOOD);
    expect(unit.portGroups.map(({ changedBy }) => changedBy)).toEqual(['none', 'none']);
  });

  test('does not end a transition, which is the business of the target', async () => {
    const { initiator, unit } = await twoPaths();
    unit.setPortGroup(2, { state: 'transitioning' });
    await initiator.settle();
    expect(await set(initiator, to('active/optimized', 2))).toMatchObject({
      sense: {
        senseKey: SenseKey.HARDWARE_ERROR,
        ...AdditionalSenseCode.SET_TARGET_PORT_GROUPS_COMMAND_FAILED,
      },
    });
    expect(unit.portGroups[1]).toMatchObject({ state: 'transitioning' });
  });

  test('is refused to an initiator that may only read', async () => {
    const { target, unit } = await twoPaths();
    const reader = new Initiator(target, 'reader', 1, { readOnly: true });
    await reader.settle();
    expect(await set(reader, to('standby', 2))).toMatchObject(Expected.WRITE_PROTECTED);
    expect(unit.portGroups[1]).toMatchObject({ state: 'active/optimized' });
  });
});

describe('REPORT REFERRALS', () => {
  test('names one segment and every group, byte for byte', async () => {
    const { initiator, unit } = await twoPaths();
    unit.setPortGroup(2, { state: 'standby' });
    await initiator.settle();
    for (const ONE_SEG of [0, 1]) {
      const cdb = REPORT_REFERRALS.encode({ LOGICAL_BLOCK_ADDRESS: 5, ONE_SEG, ALLOCATION_LENGTH: 4096 });
      const { data } = await initiator.send(cdb);
      expect(data).toEqual(
        hex('0000 001c 000000 02 0000000000000000 00000000000003ff 00 00 0001 02 00 0002'),
      );
      expect(parseReferrals(data.subarray(0, 31))).toEqual([]);
    }
    const beyond = REPORT_REFERRALS.encode({ LOGICAL_BLOCK_ADDRESS: 1024, ALLOCATION_LENGTH: 64 });
    expect(await initiator.send(beyond)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  });
});

describe('target ports', () => {
  test('that are new are told by INQUIRY DATA HAS CHANGED, those that are known are not', async () => {
    const { initiator, target } = await memoryHarness();
    const port = { relativePort: 2, targetName: TARGET_NAME, portalGroupTag: 2 };
    target.addPort(port);
    expect(await initiator.send(tur)).toMatchObject(attention(AdditionalSenseCode.INQUIRY_DATA_HAS_CHANGED));
    target.addPort(port);
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('are bounded, in range, and one for each relative identifier', async () => {
    const { target } = await memoryHarness();
    const port = (relativePort: number, portalGroupTag = relativePort, targetName = TARGET_NAME) => ({
      relativePort,
      targetName,
      portalGroupTag,
    });
    for (const wrong of [port(0), port(65_536), port(3, 0), port(1.5), port(1, 2), port(1, 1, 'iqn.other')]) {
      expect(() => target.addPort(wrong)).toThrow(RangeError);
    }
    for (let number = 2; number <= MAX_TARGET_PORTS; number++) target.addPort(port(number));
    expect(() => target.addPort(port(MAX_TARGET_PORTS + 1))).toThrow(RangeError);
  });

  test('of a target are those of a unit that comes later', async () => {
    const { target, unit, initiator } = await twoPaths();
    target.addPort({ relativePort: 3, targetName: TARGET_NAME, portalGroupTag: 3 });
    target.removeUnit(0);
    const { unit: fresh } = await memoryHarness();
    target.addUnit(1, fresh);
    await initiator.settle(1);
    expect(fresh.portGroups.map(({ group }) => group)).toEqual([1, 2, 3]);
    expect(unit.portGroups.map(({ group }) => group)).toEqual([1, 2, 3]);
  });
});
