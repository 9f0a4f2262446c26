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
  type CdbDefinition,
  type FullReservationStatus,
  type NexusName,
  type PersistentReserveInCdb,
  type PersistentReserveOutCdb,
  type RegisterAndMoveList,
  type ReservationCapabilities,
  type ReservationKeys,
  type ReservationReport,
  type ReserveOutList,
} from '../../src/index.ts';
import { Initiator, memoryHarness, type Answer, type Harness } from './harness.ts';

/** A reservation key from a small number. */
export function key(number: number): string {
  return number.toString(16).padStart(16, '0');
}

/** The name of the initiator port with this ISID. */
export function port(isid: number): string {
  return `iqn.2026-01.test.host:node,i,0x${isid.toString(16).padStart(12, '0')}`;
}

type OutCdb = CdbDefinition<PersistentReserveOutCdb>;

/** An initiator that knows PERSISTENT RESERVE IN and OUT. */
export class Registrant {
  readonly initiator: Initiator;

  constructor(initiator: Initiator) {
    this.initiator = initiator;
  }

  register(from: string, to: string, more: Partial<ReserveOutList> = {}): Promise<Answer> {
    return this.out(PR_OUT_REGISTER, buildReserveOutList({ key: from, serviceActionKey: to, ...more }));
  }

  registerIgnoring(to: string, more: Partial<ReserveOutList> = {}): Promise<Answer> {
    const list = buildReserveOutList({ serviceActionKey: to, ...more });
    return this.out(PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, list);
  }

  reserve(own: string, type: number): Promise<Answer> {
    return this.out(PR_OUT_RESERVE, buildReserveOutList({ key: own }), { TYPE: type });
  }

  release(own: string, type: number): Promise<Answer> {
    return this.out(PR_OUT_RELEASE, buildReserveOutList({ key: own }), { TYPE: type });
  }

  clear(own: string): Promise<Answer> {
    return this.out(PR_OUT_CLEAR, buildReserveOutList({ key: own }));
  }

  preempt(own: string, theirs: string, type: number, abort = false): Promise<Answer> {
    const list = buildReserveOutList({ key: own, serviceActionKey: theirs });
    return this.out(abort ? PR_OUT_PREEMPT_AND_ABORT : PR_OUT_PREEMPT, list, { TYPE: type });
  }

  move(list: Partial<RegisterAndMoveList> & { destination: NexusName }): Promise<Answer> {
    return this.out(PR_OUT_REGISTER_AND_MOVE, buildRegisterAndMoveList(list));
  }

  out(cdb: OutCdb, list: Uint8Array, fields: Partial<PersistentReserveOutCdb> = {}): Promise<Answer> {
    return this.initiator.send(cdb.encode({ PARAMETER_LIST_LENGTH: list.length, ...fields }), {
      dataOut: list,
    });
  }

  async keys(): Promise<ReservationKeys> {
    return parseReservationKeys(await this.#in(PR_IN_READ_KEYS));
  }

  async reservation(): Promise<ReservationReport> {
    return parseReservationReport(await this.#in(PR_IN_READ_RESERVATION));
  }

  async fullStatus(): Promise<FullReservationStatus> {
    return parseFullReservationStatus(await this.#in(PR_IN_READ_FULL_STATUS));
  }

  async capabilities(): Promise<ReservationCapabilities> {
    return parseReservationCapabilities(await this.#in(PR_IN_REPORT_CAPABILITIES));
  }

  async #in(cdb: CdbDefinition<PersistentReserveInCdb>): Promise<Uint8Array> {
    const answer = await this.initiator.send(cdb.encode({ ALLOCATION_LENGTH: 65_535 }));
    if (answer.status !== 0) throw new Error(`${cdb.name}: status ${answer.status}`);
    return answer.data;
  }
}

/** A new nexus that has heard of the power on. */
export async function connectRegistrant(
  harness: Harness,
  isid: number,
  relativePort = 1,
): Promise<Registrant> {
  const initiator = new Initiator(harness.target, port(isid), relativePort);
  await initiator.settle();
  return new Registrant(initiator);
}

/** Three nexuses; node `n` of them is registered with `key(n)`, unless told otherwise. */
export async function threeRegistrants(
  registered: readonly number[] = [1, 2, 3],
  options: Parameters<typeof memoryHarness>[0] = {},
): Promise<{ harness: Harness; a: Registrant; b: Registrant; c: Registrant }> {
  const harness = await memoryHarness(options);
  const [a, b, c] = [
    await connectRegistrant(harness, 1),
    await connectRegistrant(harness, 2),
    await connectRegistrant(harness, 3),
  ];
  for (const [index, node] of [a, b, c].entries()) {
    if (registered.includes(index + 1)) await node.register(key(0), key(index + 1));
  }
  return { harness, a, b, c };
}
