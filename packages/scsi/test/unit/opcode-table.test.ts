import { describe, expect, test } from 'vitest';
import {
  buildReserveOutList,
  CDB_DEFINITIONS,
  encodeLun,
  parseAllOpcodes,
  parseOneOpcode,
  PR_OUT_REGISTER,
  PR_OUT_RESERVE,
  REPORT_SUPPORTED_OPERATION_CODES as RSOC,
  RESERVE_6,
  ReservationType,
  Status,
  supportedCommands,
  type ReservationAccess,
  type SupportedCommand,
  type UnitKind,
} from '../../src/index.ts';
import { ALL_EFFECTS } from '../support/effects/all-effects.ts';
import {
  openScene,
  SCENE_BLOCKS,
  WitnessDevice,
  type CommandEffect,
  type Scene,
} from '../support/effects/command-effect.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { memoryHarness, type Answer, type Initiator } from '../support/harness.ts';
import { key } from '../support/registrant.ts';

const TABLE = supportedCommands();
const KINDS: readonly UnitKind[] = ['disk', 'removable-disk', 'cd-rom'];
const endsWell: readonly number[] = [Status.GOOD, Status.CONDITION_MET];

const rows = TABLE.map((command): [string, SupportedCommand] => [command.name, command]);

/** What the command does on a kind of unit: the effect of that kind, or else the one of the first kind that has it. */
function effectOn(command: SupportedCommand, kind: UnitKind): CommandEffect {
  const effects = ALL_EFFECTS.filter((one) => one.command.name === command.name);
  const own = effects.filter((one) => one.kind === kind);
  const first = effects.filter((one) => (one.kind ?? 'disk') === command.units[0]);
  const [found, ...more] = own.length > 0 ? own : first;
  if (found === undefined || more.length > 0)
    throw new Error(`${command.name} has not one effect test on a ${kind}`);
  return { ...found, kind };
}

function carryOut({ initiator }: Scene, { dataOut }: CommandEffect, cdb: Uint8Array): Promise<Answer> {
  return initiator.send(cdb, dataOut === undefined ? {} : { dataOut });
}

test('every command has an effect test and a declared CDB, and nothing else has', () => {
  const names = TABLE.map(({ name }) => name);
  expect([...new Set(ALL_EFFECTS.map(({ command }) => command.name))].sort()).toEqual([...names].sort());
  for (const { command, kind = 'disk' } of ALL_EFFECTS) {
    expect(supportedCommands(kind).map(({ name }) => name)).toContain(command.name);
  }
  expect(CDB_DEFINITIONS.map(({ name }) => name)).toEqual(names);
  expect(new Set(names).size).toBe(names.length);
});

describe.each(rows)('%s', (_name, command) => {
  const effect = effectOn(command, command.units[0]!);

  test.each(command.units)('does what it says, on a %s', async (kind) => {
    const there = effectOn(command, kind);
    const scene = await openScene(there);
    const answer = await carryOut(scene, there, there.cdb);
    expect(endsWell).toContain(answer.status);
    await there.check(scene, answer);
  });

  test.each(command.units)('is reported by REPORT SUPPORTED OPERATION CODES of a %s', async (kind) => {
    const { initiator } = await openScene({ ...effectOn(command, kind), prepare: () => undefined });
    const request = {
      REPORTING_OPTIONS: command.serviceAction === undefined ? 1 : 2,
      REQUESTED_OPERATION_CODE: command.operationCode,
      REQUESTED_SERVICE_ACTION: command.serviceAction ?? 0,
      ALLOCATION_LENGTH: 64,
    };
    const one = parseOneOpcode((await initiator.send(RSOC.encode(request))).data);
    expect(one).toMatchObject({ supported: true, usageMask: command.cdbUsageMask });
    const all = parseAllOpcodes((await initiator.send(RSOC.encode({ ALLOCATION_LENGTH: 65_535 }))).data);
    const listed = all.filter(
      ({ operationCode, serviceAction }) =>
        operationCode === command.operationCode && serviceAction === command.serviceAction,
    );
    expect(listed).toMatchObject([{ cdbLengthBytes: command.cdbUsageMask.length }]);
  });

  test('refuses or ignores every bit outside its usage data', async () => {
    const plain = await carryOut(await openScene(effect), effect, effect.cdb);
    for (const [byte, mask] of command.cdbUsageMask.entries()) {
      for (let bit = 0; bit < 8; bit++) {
        if ((mask & (1 << bit)) !== 0 || isIdentity(command, byte, bit)) continue;
        const cdb = Uint8Array.from(effect.cdb);
        cdb[byte]! ^= 1 << bit;
        const scene = await openScene(effect);
        const answer = await carryOut(scene, effect, cdb);
        if (answer.status === Status.CHECK_CONDITION) {
          expect(answer).toMatchObject(Expected.INVALID_CDB_FIELD);
          expect(answer.sense?.fieldPointer?.byteOffset).toBeLessThanOrEqual(byte);
        } else {
          expect(answer).toEqual(plain);
          await effect.check(scene, answer);
        }
      }
    }
  });

  if (command.units.includes('removable-disk'))
    test('touches no medium that was put in after it came', async () => {
      const { harness, initiator } = await openScene({ ...effect, kind: 'removable-disk' });
      const execution = await initiator.nexus.execute(encodeLun(0), initiator.command(effect.cdb));
      const late = new WitnessDevice({ size: SCENE_BLOCKS * 512 });
      await harness.unit.eject({ force: true }).then(
        () => harness.unit.insert(late),
        (error: unknown) => expect(error).toMatchObject({ code: 'SCSI_NO_MEDIUM' }),
      );
      const { dataOut } = effect;
      const { status } = await initiator.carry(execution, dataOut === undefined ? {} : { dataOut });
      expect(late.log).toEqual([]);
      if (command.needsMedium && execution.kind !== 'finished') expect(status).toBe(Status.CHECK_CONDITION);
    });

  // There is nothing on a disc to be kept from others: drives have no reservations.
  const reservable = effect.kind !== 'cd-rom';

  if (reservable)
    test('conflicts with RESERVE as the table says', async () => {
      const scene = await openScene({ ...effect, prepare: () => undefined });
      const other = await scene.harness.connectReady('other');
      expect(await other.send(RESERVE_6.encode())).toMatchObject(Expected.GOOD);
      const { status } = await carryOut(scene, effect, effect.cdb);
      expect(status === Status.RESERVATION_CONFLICT).toBe(command.reservation === 'conflict');
    });

  if (reservable)
    test.each([ReservationType.WRITE_EXCLUSIVE, ReservationType.EXCLUSIVE_ACCESS])(
      'conflicts with a persistent reservation of type %i as the table says',
      async (type) => {
        const { harness } = await openScene({ ...effect, prepare: () => undefined });
        await reserve(await harness.connectReady('holder'), type);
        const stranger = await harness.connectReady('stranger');
        const { dataOut } = effect;
        const { status } = await stranger.send(effect.cdb, dataOut === undefined ? {} : { dataOut });
        if (judgesForItself(command)) return;
        const conflict = CONFLICTS[type]!.has(command.access);
        expect(status === Status.RESERVATION_CONFLICT).toBe(conflict);
      },
    );
});

const CONFLICTS: Readonly<Record<number, ReadonlySet<ReservationAccess>>> = {
  [ReservationType.WRITE_EXCLUSIVE]: new Set(['changes', 'starts', 'prevents']),
  [ReservationType.EXCLUSIVE_ACCESS]: new Set(['reads', 'changes', 'starts', 'prevents']),
};

/** RESERVE, RELEASE and PERSISTENT RESERVE OUT are free in the table and may say RESERVATION CONFLICT themselves. */
function judgesForItself({ operationCode }: SupportedCommand): boolean {
  return [0x16, 0x17, 0x56, 0x57, 0x5f].includes(operationCode);
}

/** The operation code, and the service action that another command of the same code may stand for. */
function isIdentity({ operationCode, serviceAction }: SupportedCommand, byte: number, bit: number): boolean {
  if (operationCode === 0x7f) return byte === 0 || byte === 8 || byte === 9;
  return byte === 0 || (byte === 1 && bit < 5 && serviceAction !== undefined);
}

async function reserve(holder: Initiator, TYPE: number): Promise<void> {
  const register = buildReserveOutList({ serviceActionKey: key(7) });
  const list = buildReserveOutList({ key: key(7) });
  for (const [cdb, dataOut] of [
    [PR_OUT_REGISTER, register],
    [PR_OUT_RESERVE, list],
  ] as const) {
    const answer = await holder.send(cdb.encode({ TYPE, PARAMETER_LIST_LENGTH: dataOut.length }), {
      dataOut,
    });
    expect(answer).toMatchObject(Expected.GOOD);
  }
}

test.each(KINDS)('a %s carries out no operation code or service action outside its table', async (kind) => {
  const table = supportedCommands(kind);
  const { initiator, device } = await memoryHarness({ kind });
  for (let code = 0; code < 256; code++) {
    // The service actions of this one are elsewhere: variable-length.test.ts.
    if (code === 0x7f) continue;
    const own = table.filter(({ operationCode }) => operationCode === code);
    if (own.some(({ serviceAction }) => serviceAction === undefined)) continue;
    for (let action = 0; action < 32; action++) {
      if (own.some(({ serviceAction }) => serviceAction === action)) continue;
      const answer = await initiator.send(Uint8Array.of(code, action));
      expect(answer).toMatchObject(own.length === 0 ? Expected.INVALID_OPCODE : invalidCdb(1, 4));
    }
  }
  expect(device.allocatedBytes).toBe(0);
});

test.each(KINDS)(
  'a %s has the commands whose rows name it, and REPORT SUPPORTED OPERATION CODES lists these',
  async (kind) => {
    const { initiator } = await memoryHarness({ kind });
    const named = TABLE.filter(({ units }) => units.includes(kind));
    expect(supportedCommands(kind)).toEqual(named);
    const all = parseAllOpcodes((await initiator.send(RSOC.encode({ ALLOCATION_LENGTH: 65_535 }))).data);
    expect(all.map(({ operationCode, serviceAction }) => [operationCode, serviceAction])).toEqual(
      named
        .filter(({ needsType2 }) => !needsType2)
        .map(({ operationCode, serviceAction }) => [operationCode, serviceAction]),
    );
  },
);
