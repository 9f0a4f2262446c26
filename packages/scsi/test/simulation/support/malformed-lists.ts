import {
  buildRegisterAndMoveList,
  buildReserveOutList,
  PR_OUT_CLEAR,
  PR_OUT_PREEMPT,
  PR_OUT_REGISTER,
  PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  PR_OUT_REGISTER_AND_MOVE,
  PR_OUT_RELEASE,
  PR_OUT_RESERVE,
  type CdbDefinition,
  type PersistentReserveOutCdb,
} from '../../../src/index.ts';
import { key } from '../../support/registrant.ts';
import { REFUSALS } from '../../support/reservation-model.ts';
import type { Dice } from './dice.ts';
import { check, CONFLICT } from './expected.ts';
import type { Step } from './step.ts';
import type { UnitModel } from './unit-model.ts';
import { nodePort } from './world.ts';

const ILLEGAL_REQUEST = 5;
/** Byte 20 of the basic list (SPC-4 table 214), and byte 4 of it where the TransportIDs begin. */
const FLAGS = 20;
const SPEC_I_PT = 0x08;
const FIRST_TRANSPORT_ID = 28;
/** Where the TransportID of REGISTER AND MOVE begins (SPC-4 table 217). */
const MOVE_TRANSPORT_ID = 24;

type OutCdb = CdbDefinition<PersistentReserveOutCdb>;

interface Malformed {
  readonly what: string;
  readonly cdb: OutCdb;
  readonly list: Uint8Array;
  readonly refusal: keyof typeof REFUSALS;
}

const WITHOUT_TRANSPORT_IDS: readonly OutCdb[] = [
  PR_OUT_RESERVE,
  PR_OUT_RELEASE,
  PR_OUT_CLEAR,
  PR_OUT_PREEMPT,
  PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
];

function basicList(own: number): Uint8Array {
  return buildReserveOutList({ key: key(own), serviceActionKey: key(1) });
}

function withTransportId(own: number): Uint8Array {
  return buildReserveOutList({ key: key(own), serviceActionKey: key(1), initiatorPorts: [nodePort(0)] });
}

function moveList(own: number): Uint8Array {
  const destination = { initiatorPort: nodePort(0), relativePort: 1 };
  return buildRegisterAndMoveList({ key: key(own), serviceActionKey: key(1), destination });
}

function changed(list: Uint8Array, at: number, value: number): Uint8Array {
  return Uint8Array.from(list).fill(value, at, at + 1);
}

/** Lists that SPC-4 6.16.1 to 6.16.4 refuse, whoever sends them. */
const MAKERS: readonly ((dice: Dice, own: number) => Malformed)[] = [
  (dice, own) => ({
    what: 'a list that is too short',
    cdb: dice.pick([PR_OUT_REGISTER, PR_OUT_REGISTER_AND_MOVE, ...WITHOUT_TRANSPORT_IDS]),
    list: basicList(own).subarray(0, dice.below(24)),
    refusal: 'parameter list length error',
  }),
  (dice, own) => ({
    what: 'a list that is too long',
    cdb: dice.pick([PR_OUT_REGISTER, ...WITHOUT_TRANSPORT_IDS]),
    list: Buffer.concat([basicList(own), new Uint8Array(dice.between(1, 40))]),
    refusal: 'parameter list length error',
  }),
  (dice, own) => ({
    what: 'SPEC_I_PT',
    cdb: dice.pick(WITHOUT_TRANSPORT_IDS),
    list: changed(basicList(own), FLAGS, SPEC_I_PT),
    refusal: 'invalid field in parameter list',
  }),
  (dice, own) => ({
    what: 'a TransportID that is cut off',
    cdb: PR_OUT_REGISTER,
    list: withTransportId(own).subarray(0, -dice.between(1, 8)),
    refusal: 'parameter list length error',
  }),
  (dice, own) => ({
    what: 'a TransportID of another protocol',
    cdb: PR_OUT_REGISTER,
    list: changed(withTransportId(own), FIRST_TRANSPORT_ID, 0x40 | dice.below(5)),
    refusal: 'invalid field in parameter list',
  }),
  (dice, own) => ({
    what: 'a TransportID that is cut off',
    cdb: PR_OUT_REGISTER_AND_MOVE,
    list: moveList(own).subarray(0, -dice.between(1, 8)),
    refusal: 'parameter list length error',
  }),
  (dice, own) => ({
    what: 'a TransportID of another protocol',
    cdb: PR_OUT_REGISTER_AND_MOVE,
    list: changed(moveList(own), MOVE_TRANSPORT_ID, 0x40 | dice.below(5)),
    refusal: 'invalid field in parameter list',
  }),
];

/** PERSISTENT RESERVE OUT with a parameter list that cannot be right: nothing happens but the refusal. */
export function malformed(dice: Dice, unit: UnitModel, _world: unknown, node: number): Step {
  const own = unit.reservations.keys[node] ?? 0;
  const { what, cdb, list, refusal } = dice.pick(MAKERS)(dice, own);
  const code = REFUSALS[refusal];
  return {
    access: 'free',
    governs: true,
    name: `${cdb.name}: ${what}, ${list.length} bytes`,
    cdb: cdb.encode({ PARAMETER_LIST_LENGTH: list.length, TYPE: 1 }),
    dataOut: list,
    // SPC-2 5.5.1: the two ways to reserve exclude each other.
    run: (model) =>
      model.reservedBy === undefined ? check(ILLEGAL_REQUEST, code >> 8, code & 0xff) : CONFLICT,
  };
}
