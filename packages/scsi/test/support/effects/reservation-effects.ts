import { expect } from 'vitest';
import {
  buildRegisterAndMoveList,
  buildReserveOutList,
  parseFullReservationStatus,
  parseReservationCapabilities,
  parseReservationKeys,
  parseReservationReport,
  PR_IN_READ_FULL_STATUS,
  PR_IN_READ_KEYS,
  PR_IN_READ_RESERVATION,
  PR_IN_REPORT_CAPABILITIES,
  PR_OUT_CLEAR,
  PR_OUT_PREEMPT,
  PR_OUT_PREEMPT_AND_ABORT,
  PR_OUT_REGISTER,
  PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  PR_OUT_REGISTER_AND_MOVE,
  PR_OUT_RELEASE,
  PR_OUT_RESERVE,
  ReservationType,
  type CdbDefinition,
  type PersistentReserveOutCdb,
} from '../../../src/index.ts';
import { connectRegistrant, key, port, Registrant } from '../registrant.ts';
import { effect, type CommandEffect, type Scene } from './command-effect.ts';

const TYPE = ReservationType.WRITE_EXCLUSIVE;
const OWN = key(1);
const THEIRS = key(2);

const mine = ({ initiator }: Scene) => new Registrant(initiator);
const registered = (scene: Scene) => mine(scene).register(key(0), OWN);

async function reserved(scene: Scene): Promise<void> {
  await registered(scene);
  await mine(scene).reserve(OWN, TYPE);
}

/** Somebody else has the reservation. */
async function reservedElsewhere(scene: Scene): Promise<void> {
  await registered(scene);
  const other = await connectRegistrant(scene.harness, 2);
  await other.register(key(0), THEIRS);
  await other.reserve(THEIRS, TYPE);
}

const keysAre =
  (...keys: string[]) =>
  async (scene: Scene) =>
    expect((await mine(scene).keys()).keys).toEqual(keys);
const holderIs = (holder: string | undefined) => async (scene: Scene) =>
  expect((await mine(scene).reservation()).reservation?.key).toBe(holder);

function out(
  command: CdbDefinition<PersistentReserveOutCdb>,
  dataOut: Uint8Array,
  check: CommandEffect['check'],
  prepare?: CommandEffect['prepare'],
): CommandEffect {
  const fields = { TYPE, PARAMETER_LIST_LENGTH: dataOut.length };
  return effect(command, fields, check, prepare === undefined ? { dataOut } : { dataOut, prepare });
}

const own = buildReserveOutList({ key: OWN });
const preempting = buildReserveOutList({ key: OWN, serviceActionKey: THEIRS });
const ALLOCATION_LENGTH = 4096;

/** What each service action of PERSISTENT RESERVE IN and OUT does. */
export const RESERVATION_EFFECTS: readonly CommandEffect[] = [
  effect(
    PR_IN_READ_KEYS,
    { ALLOCATION_LENGTH },
    (_scene, { data }) => expect(parseReservationKeys(data).keys).toEqual([OWN]),
    { prepare: registered },
  ),
  effect(
    PR_IN_READ_RESERVATION,
    { ALLOCATION_LENGTH },
    (_scene, { data }) => expect(parseReservationReport(data).reservation).toEqual({ key: OWN, type: TYPE }),
    { prepare: reserved },
  ),
  effect(PR_IN_REPORT_CAPABILITIES, { ALLOCATION_LENGTH }, (_scene, { data }) =>
    expect(parseReservationCapabilities(data).PERSISTENT_RESERVATION_TYPE_MASK).not.toBe(0),
  ),
  effect(
    PR_IN_READ_FULL_STATUS,
    { ALLOCATION_LENGTH },
    (_scene, { data }) =>
      expect(parseFullReservationStatus(data).registrations).toMatchObject([{ key: OWN, holds: TYPE }]),
    { prepare: reserved },
  ),
  out(PR_OUT_REGISTER, buildReserveOutList({ serviceActionKey: OWN }), keysAre(OWN)),
  out(PR_OUT_RESERVE, own, holderIs(OWN), registered),
  out(PR_OUT_RELEASE, own, holderIs(undefined), reserved),
  out(PR_OUT_CLEAR, own, keysAre(), reserved),
  out(PR_OUT_PREEMPT, preempting, holderIs(OWN), reservedElsewhere),
  out(PR_OUT_PREEMPT_AND_ABORT, preempting, holderIs(OWN), reservedElsewhere),
  out(
    PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
    buildReserveOutList({ serviceActionKey: THEIRS }),
    keysAre(THEIRS),
    registered,
  ),
  out(
    PR_OUT_REGISTER_AND_MOVE,
    buildRegisterAndMoveList({
      key: OWN,
      serviceActionKey: THEIRS,
      destination: { initiatorPort: port(9), relativePort: 1 },
    }),
    holderIs(THEIRS),
    reserved,
  ),
];
