import {
  buildRegisterAndMoveList,
  buildReserveOutList,
  PR_OUT_CLEAR,
  PR_OUT_PREEMPT,
  PR_OUT_PREEMPT_AND_ABORT,
  PR_OUT_REGISTER,
  PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  PR_OUT_REGISTER_AND_MOVE,
  PR_OUT_RELEASE,
  PR_OUT_RESERVE,
  RELEASE_10,
  RELEASE_6,
  RESERVE_10,
  RESERVE_6,
  SenseKey,
  type CdbDefinition,
  type PersistentReserveOutCdb,
} from '../../../src/index.ts';
import { key, port } from '../../support/registrant.ts';
import { REFUSALS, type Registering, type Verdict } from '../../support/reservation-model.ts';
import type { Dice } from './dice.ts';
import { check, CONFLICT, GOOD, type Expected } from './expected.ts';
import { malformed } from './malformed-lists.ts';
import { RESERVATION_REPORTS } from './reservation-reports.ts';
import type { Step } from './step.ts';
import { PORTS, type UnitModel } from './unit-model.ts';
import { nodePort, REGISTRABLE_INITIATORS, type World } from './world.ts';

type StepMaker = (dice: Dice, unit: UnitModel, world: World, node: number) => Step;

const TYPES = [1, 3, 5, 6, 7, 8];
/** Reserved and obsolete ones. */
const NO_TYPES = [0, 2, 4, 9, 15];

/** Most of the time who sends knows its key: otherwise nearly everything would conflict. */
function ownKey(dice: Dice, unit: UnitModel, node: number): number {
  return dice.chance(0.15) ? dice.below(4) : (unit.reservations.keys[node] ?? 0);
}

/** PERSISTENT RESERVE OUT: the model judges, and the others are told. */
export function out(
  world: World,
  cdb: CdbDefinition<PersistentReserveOutCdb>,
  name: string,
  list: Uint8Array,
  judge: (unit: UnitModel) => Verdict,
  fields: Partial<PersistentReserveOutCdb> = {},
): Step {
  return {
    access: 'free',
    governs: true,
    name: `${cdb.name}: ${name}`,
    cdb: cdb.encode({ PARAMETER_LIST_LENGTH: list.length, ...fields }),
    dataOut: list,
    run: (unit) => {
      // SPC-2 5.5.1: the two ways to reserve exclude each other.
      if (unit.reservedBy !== undefined) return CONFLICT;
      const verdict = judge(unit);
      world.tellReservations(unit);
      return answerOf(verdict);
    },
  };
}

/** Which field a refusal points at has tests of its own. */
function answerOf(verdict: Verdict): Expected {
  if (verdict === 'good') return GOOD;
  if (verdict === 'conflict') return CONFLICT;
  const code = REFUSALS[verdict];
  return check(SenseKey.ILLEGAL_REQUEST, code >> 8, code & 0xff);
}

function registering(dice: Dice): Registering {
  const others = [...Array(REGISTRABLE_INITIATORS).keys()];
  const initiators = dice.chance(0.2)
    ? Array.from({ length: dice.below(3) }, () => dice.take(others))
    : undefined;
  return {
    allPorts: dice.chance(0.2),
    aptpl: dice.chance(0.5),
    ...(initiators && { initiators }),
  };
}

/** Zero unregisters, which is what happens less often. */
function nextKey(dice: Dice): number {
  return dice.chance(0.2) ? 0 : dice.between(1, 3);
}

const register: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const next = nextKey(dice);
  const more = registering(dice);
  const list = buildReserveOutList({
    key: key(own),
    serviceActionKey: key(next),
    allTargetPorts: more.allPorts === true,
    aptpl: more.aptpl === true,
    ...(more.initiators && { initiatorPorts: more.initiators.map((initiator) => port(initiator + 1)) }),
  });
  const name = `${own} → ${next} ${JSON.stringify(more)}`;
  return out(world, PR_OUT_REGISTER, name, list, (model) => {
    return model.reservations.register(node, own, next, more);
  });
};

const registerIgnoring: StepMaker = (dice, _unit, world, node) => {
  const next = nextKey(dice);
  const { allPorts = false, aptpl = false } = registering(dice);
  const list = buildReserveOutList({ serviceActionKey: key(next), allTargetPorts: allPorts, aptpl });
  const name = `→ ${next} ALL_TG_PT ${allPorts} APTPL ${aptpl}`;
  return out(world, PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, name, list, (model) => {
    return model.reservations.registerIgnoring(node, next, { allPorts, aptpl });
  });
};

/** SCOPE and TYPE of a CDB; now and then there is no such scope or type. */
function reservation(dice: Dice, likely?: number): { SCOPE: number; TYPE: number } {
  const TYPE = dice.chance(0.05) ? dice.pick(NO_TYPES) : dice.pick(TYPES);
  return { SCOPE: dice.chance(0.05) ? dice.between(1, 2) : 0, TYPE: likely ?? TYPE };
}

const reserve: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const { SCOPE, TYPE } = reservation(dice);
  const list = buildReserveOutList({ key: key(own) });
  const name = `${own} type ${TYPE} scope ${SCOPE}`;
  const judge = ({ reservations }: UnitModel): Verdict => reservations.reserve(node, own, TYPE, SCOPE);
  return out(world, PR_OUT_RESERVE, name, list, judge, { SCOPE, TYPE });
};

const release: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const { SCOPE, TYPE } = reservation(
    dice,
    dice.chance(0.7) ? unit.reservations.reservation?.type : undefined,
  );
  const list = buildReserveOutList({ key: key(own) });
  const name = `${own} type ${TYPE} scope ${SCOPE}`;
  const judge = ({ reservations }: UnitModel): Verdict => reservations.release(node, own, TYPE, SCOPE);
  return out(world, PR_OUT_RELEASE, name, list, judge, { SCOPE, TYPE });
};

const clear: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const list = buildReserveOutList({ key: key(own) });
  return out(world, PR_OUT_CLEAR, `${own}`, list, (model) => model.reservations.clear(node, own));
};

const preempt: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const theirs = dice.chance(0.3) ? (unit.reservations.reservation?.key ?? 0) : dice.below(4);
  const { SCOPE, TYPE } = reservation(dice);
  const aborts = dice.chance(0.5);
  const list = buildReserveOutList({ key: key(own), serviceActionKey: key(theirs) });
  const judge = (model: UnitModel): Verdict => {
    const verdict = model.reservations.preempt(node, own, theirs, TYPE, SCOPE);
    if (aborts && verdict === 'good') world.abortOf(model, model.reservations.preempted);
    return verdict;
  };
  const cdb = aborts ? PR_OUT_PREEMPT_AND_ABORT : PR_OUT_PREEMPT;
  return out(world, cdb, `${own} of ${theirs} type ${TYPE} scope ${SCOPE}`, list, judge, { SCOPE, TYPE });
};

const move: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const next = nextKey(dice);
  const to = dice.below(REGISTRABLE_INITIATORS * PORTS);
  const relativePort = dice.chance(0.05) ? PORTS + 7 : (to % PORTS) + 1;
  const more = { unregister: dice.chance(0.4), aptpl: dice.chance(0.5) };
  const destination = { initiatorPort: nodePort(to), relativePort };
  const list = buildRegisterAndMoveList({ key: key(own), serviceActionKey: key(next), destination, ...more });
  const name = `${own} → ${next} to node ${to} port ${relativePort} ${JSON.stringify(more)}`;
  return out(world, PR_OUT_REGISTER_AND_MOVE, name, list, (model) => {
    return model.reservations.move(node, own, next, to, { ...more, relativePort });
  });
};

/** RESERVE and RELEASE of SPC-2: while anybody is registered they conflict for everybody (CRH is 0). */
const reserveOld: StepMaker = (dice, _unit, _world, node) => {
  const cdb = dice.pick([RESERVE_6, RESERVE_10]);
  return {
    access: 'free',
    governs: true,
    name: cdb.name,
    cdb: cdb.encode({}),
    run: (unit) => {
      if (unit.reservations.keys.some((each) => each !== 0)) return CONFLICT;
      unit.reservedBy = node;
      return GOOD;
    },
  };
};

const releaseOld: StepMaker = (dice, _unit, _world, node) => {
  const cdb = dice.pick([RELEASE_6, RELEASE_10]);
  return {
    access: 'free',
    whileReserved: true,
    name: cdb.name,
    cdb: cdb.encode({}),
    run: (unit) => {
      if (unit.reservations.keys.some((each) => each !== 0)) return CONFLICT;
      if (unit.reservedBy === node) unit.reservedBy = undefined;
      return GOOD;
    },
  };
};

/** Commands by which nexuses come to be registered. */
export const REGISTERING_STEPS: readonly StepMaker[] = [register, register, registerIgnoring];

/** Commands about reservations, the frequent ones more than once. */
export const RESERVATION_STEPS: readonly StepMaker[] = [
  ...REGISTERING_STEPS,
  reserve,
  reserve,
  reserve,
  release,
  clear,
  preempt,
  preempt,
  move,
  move,
  reserveOld,
  releaseOld,
  releaseOld,
  malformed,
  ...RESERVATION_REPORTS,
];
