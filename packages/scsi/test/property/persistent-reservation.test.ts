import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { MemoryDevice } from '@lunbox/block';
import { LogicalUnit, READ_10, Status, TEST_UNIT_READY, WRITE_10 } from '../../src/index.ts';
import { IDENTITY } from '../support/harness.ts';
import { key, port, threeRegistrants, type Registrant } from '../support/registrant.ts';
import { ReservationModel, type Verdict } from '../support/reservation-model.ts';
import { TestStore } from '../support/test-store.ts';

const node = fc.nat(2);
const someKey = fc.nat(3);
const aptpl = fc.boolean();
const type = fc.constantFrom(1, 3, 5, 6, 7, 8);

const step = fc.oneof(
  fc.record({ does: fc.constant('register' as const), node, own: someKey, other: someKey, aptpl }),
  fc.record({ does: fc.constant('register-ignoring' as const), node, other: someKey, aptpl }),
  { weight: 2, arbitrary: fc.record({ does: fc.constant('reserve' as const), node, own: someKey, type }) },
  fc.record({ does: fc.constant('release' as const), node, own: someKey, type }),
  fc.record({ does: fc.constant('clear' as const), node, own: someKey }),
  fc.record({ does: fc.constant('preempt' as const), node, own: someKey, other: someKey, type }),
  fc.record({ does: fc.constant('move' as const), node, own: someKey, other: someKey, to: node, aptpl }),
  fc.record({ does: fc.constant('access' as const), node, writes: fc.boolean() }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Half of the time the sender knows its key: otherwise nearly everything would conflict. */
function ownKey(model: ReservationModel, sender: number, own: number): number {
  return own === 3 ? own : (model.keys[sender] ?? 0);
}

async function onUnit(sender: Registrant, action: Step, own: number): Promise<number> {
  const { initiator } = sender;
  const region = { LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 };
  switch (action.does) {
    case 'register':
      return (await sender.register(key(own), key(action.other), { aptpl: action.aptpl })).status;
    case 'register-ignoring':
      return (await sender.registerIgnoring(key(action.other), { aptpl: action.aptpl })).status;
    case 'reserve':
      return (await sender.reserve(key(own), action.type)).status;
    case 'release':
      return (await sender.release(key(own), action.type)).status;
    case 'clear':
      return (await sender.clear(key(own))).status;
    case 'preempt':
      return (await sender.preempt(key(own), key(action.other), action.type)).status;
    case 'move': {
      const destination = { initiatorPort: port(action.to + 1), relativePort: 1 };
      const list = { key: key(own), serviceActionKey: key(action.other), destination, aptpl: action.aptpl };
      return (await sender.move(list)).status;
    }
    case 'access': {
      if (!action.writes) return (await initiator.send(READ_10.encode(region))).status;
      return (await initiator.send(WRITE_10.encode(region), { dataOut: new Uint8Array(512) })).status;
    }
  }
}

function onModel(model: ReservationModel, action: Step, own: number): Verdict {
  switch (action.does) {
    case 'register':
      return model.register(action.node, own, action.other);
    case 'register-ignoring':
      return model.registerIgnoring(action.node, action.other);
    case 'reserve':
      return model.reserve(action.node, own, action.type);
    case 'release':
      return model.release(action.node, own, action.type);
    case 'clear':
      return model.clear(action.node, own);
    case 'preempt':
      return model.preempt(action.node, own, action.other, action.type);
    case 'move':
      return model.move(action.node, own, action.other, action.to);
    case 'access':
      return model.access(action.node, action.writes);
  }
}

function statusOf(verdict: Verdict): number {
  if (verdict === 'good') return Status.GOOD;
  return verdict === 'conflict' ? Status.RESERVATION_CONFLICT : Status.CHECK_CONDITION;
}

/** Takes the pending unit attentions of a node, as codes. */
async function attentions({ initiator }: Registrant): Promise<number[]> {
  const codes: number[] = [];
  for (;;) {
    const { sense } = await initiator.send(TEST_UNIT_READY.encode());
    if (sense === undefined) return codes;
    codes.push(sense.ascq);
  }
}

const device = new MemoryDevice({ size: 4096 });
const EMPTY_STATE = { aptpl: false, registrations: [] };

test.prop([fc.array(step, { minLength: 1, maxLength: 40 })], { numRuns: 400 })(
  'a unit agrees with a small model on every status, key, holder and unit attention, and so does what it kept',
  async (steps) => {
    const stateStore = new TestStore();
    const { harness, a, b, c } = await threeRegistrants([], { stateStore });
    const nodes = [a, b, c];
    const model = new ReservationModel(nodes.length);
    for (const action of steps) {
      const sender = nodes[action.node] ?? a;
      const own = 'own' in action ? ownKey(model, action.node, action.own) : 0;
      const verdict = onModel(model, action, own);
      expect(await onUnit(sender, action, own), JSON.stringify(action)).toBe(statusOf(verdict));
      const heard = [await attentions(a), await attentions(b), await attentions(c)];
      expect(heard, JSON.stringify(action)).toEqual(model.takeAttentions());
      const status = await c.fullStatus();
      const shown = nodes.map((_, index) => {
        const found = status.registrations.find(({ initiatorPort }) => initiatorPort === port(index + 1));
        return { key: Number.parseInt(found?.key ?? '0', 16), holds: found?.holds };
      });
      expect(shown, JSON.stringify(action)).toEqual(model.shown());
      expect(status.generation).toBe(model.generation);
      const again = new LogicalUnit({ device, identity: IDENTITY, stateStore });
      const { state } = harness.unit.persistent;
      expect(again.persistent.state).toEqual(state.aptpl ? state : EMPTY_STATE);
    }
  },
);
