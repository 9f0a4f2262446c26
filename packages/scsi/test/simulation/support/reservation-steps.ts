import {
  buildRegisterAndMoveList,
  buildReserveOutList,
  parseFullReservationStatus,
  parseReservationKeys,
  PR_IN_READ_FULL_STATUS,
  PR_IN_READ_KEYS,
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
import type { Registering, Verdict } from '../../support/reservation-model.ts';
import type { Dice } from './dice.ts';
import { check, CONFLICT, GOOD, goodParsed, type Expected } from './expected.ts';
import type { Step } from './step.ts';
import { PORTS, type UnitModel } from './unit-model.ts';
import { INITIATORS, nodePort, type World } from './world.ts';

type StepMaker = (dice: Dice, unit: UnitModel, world: World, node: number) => Step;

const TYPES = [1, 3, 5, 6, 7, 8];

/** Half of the time who sends knows its key: otherwise nearly everything would conflict. */
function ownKey(dice: Dice, unit: UnitModel, node: number): number {
  return dice.chance(0.15) ? dice.below(4) : (unit.reservations.keys[node] ?? 0);
}

/** PERSISTENT RESERVE OUT: the model judges, and the others are told. */
function out(
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

/** Every refusal is an ILLEGAL REQUEST; which field it points at has tests of its own. */
function answerOf(verdict: Verdict): Expected {
  if (verdict === 'good') return GOOD;
  return verdict === 'conflict' ? CONFLICT : { status: 2, sense: { senseKey: SenseKey.ILLEGAL_REQUEST } };
}

function registering(dice: Dice): Registering {
  const initiators = dice.chance(0.12) ? [dice.below(INITIATORS)] : undefined;
  return {
    allPorts: dice.chance(0.2),
    aptpl: dice.chance(0.5),
    ...(initiators && { initiators }),
  };
}

const register: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const next = dice.below(4);
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
  const next = dice.between(0, 3);
  const { allPorts = false, aptpl = false } = registering(dice);
  const list = buildReserveOutList({ serviceActionKey: key(next), allTargetPorts: allPorts, aptpl });
  const name = `→ ${next} ALL_TG_PT ${allPorts} APTPL ${aptpl}`;
  return out(world, PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, name, list, (model) => {
    return model.reservations.registerIgnoring(node, next, { allPorts, aptpl });
  });
};

const reserve: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const TYPE = dice.chance(0.03) ? 2 : dice.pick(TYPES);
  const judge = ({ reservations }: UnitModel): Verdict => {
    if (TYPE === 2)
      return reservations.keys[node] !== 0 && reservations.keys[node] === own ? 'refused' : 'conflict';
    return reservations.reserve(node, own, TYPE);
  };
  return out(world, PR_OUT_RESERVE, `${own} type ${TYPE}`, buildReserveOutList({ key: key(own) }), judge, {
    TYPE,
  });
};

const release: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const TYPE = dice.chance(0.7) ? (unit.reservations.type ?? 1) : dice.pick(TYPES);
  const list = buildReserveOutList({ key: key(own) });
  return out(
    world,
    PR_OUT_RELEASE,
    `${own} type ${TYPE}`,
    list,
    (model) => {
      return model.reservations.release(node, own, TYPE);
    },
    { TYPE },
  );
};

const clear: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const list = buildReserveOutList({ key: key(own) });
  return out(world, PR_OUT_CLEAR, `${own}`, list, (model) => model.reservations.clear(node, own));
};

const preempt: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const theirs = dice.below(4);
  const TYPE = dice.pick(TYPES);
  const aborts = dice.chance(0.5);
  const list = buildReserveOutList({ key: key(own), serviceActionKey: key(theirs) });
  const judge = (model: UnitModel): Verdict => {
    const verdict = model.reservations.preempt(node, own, theirs, TYPE);
    if (aborts && verdict === 'good') world.abortOf(model, model.reservations.preempted);
    return verdict;
  };
  const cdb = aborts ? PR_OUT_PREEMPT_AND_ABORT : PR_OUT_PREEMPT;
  return out(world, cdb, `${own} of ${theirs} type ${TYPE}`, list, judge, { TYPE });
};

const move: StepMaker = (dice, unit, world, node) => {
  const own = ownKey(dice, unit, node);
  const next = dice.below(4);
  const to = dice.below(INITIATORS * PORTS);
  const unregister = dice.chance(0.3);
  const aptpl = dice.chance(0.5);
  const destination = { initiatorPort: nodePort(to), relativePort: (to % PORTS) + 1 };
  const list = buildRegisterAndMoveList({
    key: key(own),
    serviceActionKey: key(next),
    destination,
    unregister,
    aptpl,
  });
  const name = `${own} → ${next} to node ${to} UNREG ${unregister} APTPL ${aptpl}`;
  return out(world, PR_OUT_REGISTER_AND_MOVE, name, list, (model) => {
    return model.reservations.move(node, own, next, to, unregister, aptpl);
  });
};

/** SPC-2 5.5.1: PERSISTENT RESERVE IN conflicts with RESERVE, whoever reserved. */
function unlessReserved(run: (unit: UnitModel) => Expected): (unit: UnitModel) => Expected {
  return (unit) => (unit.reservedBy === undefined ? run(unit) : CONFLICT);
}

const readKeys: StepMaker = () => ({
  access: 'free',
  name: PR_IN_READ_KEYS.name,
  cdb: PR_IN_READ_KEYS.encode({ ALLOCATION_LENGTH: 4096 }),
  run: unlessReserved(({ reservations }) =>
    goodParsed(
      (data) => {
        const { generation, keys } = parseReservationKeys(data);
        return [generation, [...keys].sort()];
      },
      [
        reservations.generation,
        reservations.keys
          .filter((each) => each !== 0)
          .map(key)
          .sort(),
      ],
    ),
  ),
});

const readFullStatus: StepMaker = () => ({
  access: 'free',
  name: PR_IN_READ_FULL_STATUS.name,
  cdb: PR_IN_READ_FULL_STATUS.encode({ ALLOCATION_LENGTH: 65_535 }),
  run: unlessReserved(({ reservations }) =>
    goodParsed(
      (data) => {
        const { generation, registrations } = parseFullReservationStatus(data);
        const shown = registrations.map((each) => {
          return `${each.initiatorPort} ${each.relativePort} ${each.key} ${each.holds ?? '-'}`;
        });
        return [generation, shown.sort()];
      },
      [
        reservations.generation,
        reservations
          .shown()
          .flatMap((each, node) => {
            if (each.key === 0) return [];
            return [`${nodePort(node)} ${(node % PORTS) + 1} ${key(each.key)} ${each.holds ?? '-'}`];
          })
          .sort(),
      ],
    ),
  ),
});

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

/** A short parameter list is an error of its length (SPC-4 6.16.1). */
const wrongLength: StepMaker = (_dice, _unit, world) => {
  const step = out(world, PR_OUT_RESERVE, 'a short list', new Uint8Array(23), () => 'refused', { TYPE: 1 });
  return {
    ...step,
    run: (unit) => (unit.reservedBy === undefined ? check(SenseKey.ILLEGAL_REQUEST, 0x1a, 0x00) : CONFLICT),
  };
};

/** Commands about reservations. */
export const RESERVATION_STEPS: readonly StepMaker[] = [
  register,
  register,
  register,
  registerIgnoring,
  reserve,
  reserve,
  release,
  clear,
  preempt,
  preempt,
  move,
  readKeys,
  readFullStatus,
  readFullStatus,
  reserveOld,
  releaseOld,
  releaseOld,
  wrongLength,
];
