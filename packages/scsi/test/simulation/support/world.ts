import type { BlockErrorCode } from '@lunbox/block';
import { encodeLun, LogicalUnit, ScsiTarget, SenseKey, type UnitState } from '../../../src/index.ts';
import { Initiator, TARGET_NAME, type Answer } from '../../support/harness.ts';
import { port } from '../../support/registrant.ts';
import { acaAfter, acaRefusal, isPreemptAndAbort, someManner, withNaca, type Manner } from './aca-model.ts';
import type { Dice } from './dice.ts';
import { check, complaintAbout, NO_UNIT, type Expected } from './expected.ts';
import { HistoryDevice, type DeviceCall } from './history-device.ts';
import { Attention, PendingModel, type NexusModel } from './nexus-model.ts';
import { refusal, type Step } from './step.ts';
import { PORTS, UnitModel } from './unit-model.ts';

export const INITIATORS = 3;
/** One more initiator never comes; others may register it. */
export const REGISTRABLE_INITIATORS = INITIATORS + 1;
const UNITS = 3;
const LAST_STEPS = 40;

/** A unit that outlives the target it is in: its device and what it keeps. */
interface Shelf {
  readonly device: HistoryDevice;
  readonly model: UnitModel;
  state: UnitState;
}

/** A nexus of the target and what the model knows of it. */
export interface Connected {
  readonly model: NexusModel;
  readonly initiator: Initiator;
}

/** What a device fails with, and how SPC-4 and SBC-3 tell it. */
const FAILURES: readonly (readonly [BlockErrorCode, number, number, number])[] = [
  ['BLOCK_NO_SPACE', SenseKey.DATA_PROTECT, 0x27, 0x07],
  ['BLOCK_FAULTED', SenseKey.HARDWARE_ERROR, 0x44, 0x00],
  ['BLOCK_BUSY', SenseKey.ABORTED_COMMAND, 0x55, 0x03],
];

/** The target of a history beside the model of it: every answer is compared. */
export class World {
  readonly dice: Dice;
  readonly shelves: readonly Shelf[];
  readonly connected = new Map<number, Connected>();
  readonly seen: Record<string, number> = {};
  /** LUNs of the target that have their unit now. */
  readonly present = new Set<number>();
  readonly #lines: string[] = [];
  readonly #units = new Map<number, LogicalUnit>();
  #target: ScsiTarget;

  constructor(dice: Dice) {
    this.dice = dice;
    this.shelves = Array.from({ length: UNITS }, (_, lun) => {
      const device = new HistoryDevice(dice.between(12, 32), dice);
      const model = new UnitModel(`unit ${lun}`, device, REGISTRABLE_INITIATORS * PORTS, dice.chance(0.05));
      return { device, model, state: {} };
    });
    this.#target = this.#powerOn([0, 1]);
  }

  /** The last steps, for whoever looks at a history that went wrong. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  log(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > LAST_STEPS && process.env['LUNBOX_TRACE'] === undefined) this.#lines.shift();
  }

  fail(what: string): never {
    throw new Error([...this.#lines, what].join('\n'));
  }

  /** A nexus comes, when it is not there. */
  connect(node: number): void {
    if (this.connected.has(node)) return;
    const { dice } = this;
    const mapped = dice.chance(0.3);
    const lunMap = mapped
      ? new Map([
          [dice.pick([0, 5]), 1],
          [300, 0],
        ])
      : undefined;
    const model: NexusModel = {
      node,
      readOnly: dice.chance(0.15),
      shownAs: lunMap && new Map([...lunMap].map(([shown, own]) => [own, shown])),
      units: new Map(),
      aborted: [],
      announced: [],
    };
    const relativePort = (node % PORTS) + 1;
    const initiator = new Initiator(this.#target, nodePort(node), relativePort, {
      readOnly: model.readOnly,
      ...(lunMap && { lunMap }),
    });
    this.connected.set(node, { model, initiator });
    for (const lun of this.present) this.#attach(model, lun);
    this.log(`node ${node} comes${mapped ? ', with a LUN map' : ''}${model.readOnly ? ', read-only' : ''}`);
  }

  /** A nexus is lost. */
  disconnect(node: number): void {
    const gone = this.connected.get(node);
    if (gone === undefined) return;
    this.connected.delete(node);
    gone.initiator.nexus.close();
    for (const { unit } of gone.model.units.values()) {
      if (unit.reservedBy === node) unit.reservedBy = undefined;
      unit.faulted.delete(node);
    }
    this.log(`node ${node} goes`);
  }

  addUnit(lun: number): void {
    this.log(`LUN ${lun} of the target is added`);
    this.present.add(lun);
    for (const { model } of this.connected.values()) {
      if (shownLun(model, lun) === undefined) continue;
      this.#lunsChanged(model);
      this.#attach(model, lun);
    }
    this.#target.addUnit(lun, this.#units.get(lun)!);
    this.#checkTold();
  }

  removeUnit(lun: number): void {
    this.log(`LUN ${lun} of the target is removed`);
    this.present.delete(lun);
    const { model: unit } = this.shelves[lun]!;
    unit.reservedBy = undefined;
    unit.faulted.clear();
    for (const { model } of this.connected.values()) {
      const shown = shownLun(model, lun);
      if (shown === undefined) continue;
      model.units.delete(shown);
      model.aborted.push(shown);
      this.#lunsChanged(model);
    }
    this.#target.removeUnit(lun);
    this.#checkTold();
  }

  resize(lun: number, blockCount: number): void {
    this.log(`unit ${lun} gets ${blockCount} blocks`);
    const { device, model: unit } = this.shelves[lun]!;
    unit.resize(blockCount);
    for (const { shown, model, pending } of this.#nexusesOf(unit)) {
      pending.raise(Attention.CAPACITY_CHANGED);
      model.announced.push(`${shown}:${Attention.CAPACITY_CHANGED}`);
    }
    device.resize(blockCount);
    this.#checkTold();
  }

  /** Everything is switched off and on again; nexuses have to come anew. */
  losePower(): void {
    this.log('the power goes');
    for (const { initiator } of this.connected.values()) initiator.nexus.close();
    this.connected.clear();
    for (const unit of this.#units.values()) unit.close();
    for (const { device, model } of this.shelves) {
      device.losePower();
      model.losePower();
    }
    this.#target = this.#powerOn([...this.present]);
    this.count('power cycles');
  }

  /** LOGICAL UNIT RESET by a nexus; false: it has no such unit. */
  resetUnit({ initiator, model }: Connected, lun: number): void {
    const pending = model.units.get(lun);
    this.log(`node ${model.node} resets LUN ${lun}`);
    if (pending !== undefined) this.#reset(pending.unit);
    const done = initiator.nexus.resetUnit(encodeLun(lun));
    if (done !== (pending !== undefined)) this.fail(`LOGICAL UNIT RESET: ${done}`);
    this.#checkTold();
  }

  resetTarget({ initiator, model }: Connected): void {
    this.log(`node ${model.node} resets the target`);
    for (const { unit } of model.units.values()) this.#reset(unit);
    initiator.nexus.resetTarget();
    this.#checkTold();
  }

  clearTaskSet({ initiator, model }: Connected, lun: number): void {
    this.log(`node ${model.node} clears the task set of LUN ${lun}`);
    const pending = model.units.get(lun);
    if (pending !== undefined) {
      for (const other of this.#nexusesOf(pending.unit)) other.model.aborted.push(other.shown);
    }
    initiator.nexus.clearTaskSet(encodeLun(lun));
    this.#checkTold();
  }

  /** Sends a command and compares the answer with that of the model. */
  async perform(from: Connected, lun: number, step: Step): Promise<Answer> {
    const manner = this.#approach(from, lun, step);
    const pending = from.model.units.get(lun);
    const kept = pending && acaRefusal(pending.unit, from.model, manner);
    return this.#send(from, lun, step, kept ?? this.#expect(from.model, lun, step), manner);
  }

  /** CLEAR ACA of a node (SAM-5 7.4). */
  clearAca({ initiator, model }: Connected, lun: number): void {
    const pending = model.units.get(lun);
    this.log(`node ${model.node} clears the ACA condition of LUN ${lun}`);
    pending?.unit.faulted.delete(model.node);
    if (initiator.nexus.clearAca(encodeLun(lun)) !== (pending !== undefined)) this.fail('CLEAR ACA');
    this.#checkTold();
    this.count('CLEAR ACA');
  }

  /** The same, while the device fails: a command that gets so far ends with that, and changes nothing. */
  async performFailing(from: Connected, lun: number, step: Step): Promise<void> {
    const pending = from.model.units.get(lun);
    const call = step.touches;
    if (pending === undefined || call === undefined || pending.unit.running !== undefined) return;
    const manner = this.#approach(from, lun, step);
    const refused = acaRefusal(pending.unit, from.model, manner) ?? refusal(step, pending, from.model);
    const [code, ...told] = this.dice.chance(0.5) ? ioFailure(call) : this.dice.pick(FAILURES);
    pending.unit.device.fault = { call, code, once: true };
    const failure = check(...told);
    await this.#send(from, lun, { ...step, name: `${step.name} (${code})` }, refused ?? failure, manner);
    pending.unit.device.fault = undefined;
    this.count('device failures');
  }

  /** Reservations have changed: whoever is told is told. */
  tellReservations(unit: UnitModel): void {
    const told = unit.reservations.takeAttentions();
    for (const { model, pending } of this.#nexusesOf(unit)) {
      for (const qualifier of told[model.node] ?? []) pending.raise(0x2a00 | qualifier);
    }
  }

  /** The current values of a mode page, from the unit itself. */
  currentPage(unit: UnitModel, code: number): Uint8Array {
    const lun = this.shelves.findIndex(({ model }) => model === unit);
    return Uint8Array.from(this.#units.get(lun)!.modes.values(0, code, 0)![0]!);
  }

  /** Raises a condition on every nexus of a unit but one. */
  raise(unit: UnitModel, code: number, except?: NexusModel): void {
    for (const { model, pending } of this.#nexusesOf(unit)) if (model !== except) pending.raise(code);
  }

  /** PREEMPT AND ABORT aborts the commands of these nodes. */
  abortOf(unit: UnitModel, nodes: readonly number[]): void {
    for (const { shown, model } of this.#nexusesOf(unit))
      if (nodes.includes(model.node)) model.aborted.push(shown);
  }

  #expect(nexus: NexusModel, lun: number, step: Step): Expected {
    const pending = nexus.units.get(lun);
    if (pending === undefined) return step.withoutUnit?.(nexus, lun) ?? NO_UNIT;
    return refusal(step, pending, nexus) ?? step.run(pending.unit, pending, nexus);
  }

  /** How a command is going to be sent; now and then ACA conditions that would keep it out are cleared first. */
  #approach({ model }: Connected, lun: number, { cdb }: Step): Manner {
    const unit = model.units.get(lun)?.unit;
    const clears = unit !== undefined && (isPreemptAndAbort(cdb) || this.dice.chance(0.3));
    for (const node of clears ? unit.faulted : []) {
      const faulted = this.connected.get(node)!;
      const [shown] = [...faulted.model.units].find(([, pending]) => pending.unit === unit)!;
      this.clearAca(faulted, shown);
    }
    return someManner(this.dice, model, unit);
  }

  async #send(from: Connected, lun: number, step: Step, expected: Expected, manner: Manner): Promise<Answer> {
    const { attribute, naca } = manner;
    const line = `node ${from.model.node} LUN ${lun}: ${step.name}, ${attribute}${naca ? ', NACA' : ''}`;
    this.log(line);
    const { dice } = this;
    const pieceBytes = dice.chance(0.3) ? dice.pick([100, 512, 700, 1024]) : undefined;
    const unit = from.model.units.get(lun)?.unit;
    const answer = await from.initiator.send(naca ? withNaca(step.cdb) : step.cdb, {
      lun,
      attribute,
      announce: dice.chance(0.5),
      ...(step.dataOut && { dataOut: step.dataOut }),
      ...(pieceBytes !== undefined && { pieceBytes }),
    });
    const { sense } = answer;
    if (answer.status !== 0) this.log(`  status ${answer.status} ${sense ? JSON.stringify(sense) : ''}`);
    const complaint = complaintAbout(answer, expected);
    if (complaint !== undefined) this.fail(`${line}: ${complaint}`);
    if (unit !== undefined) acaAfter(unit, from.model, manner, answer.status);
    this.#checkTold();
    this.count(`status ${answer.status}`);
    this.count(step.name.split(':')[0]!);
    return answer;
  }

  #reset(unit: UnitModel): void {
    unit.reset();
    for (const { shown, model, pending } of this.#nexusesOf(unit)) {
      pending.raise(Attention.UNIT_RESET);
      model.aborted.push(shown);
    }
  }

  #lunsChanged(model: NexusModel): void {
    [...model.units].forEach(([lun, pending], index) => {
      pending.raise(Attention.LUNS_CHANGED);
      if (index === 0) model.announced.push(`${lun}:${Attention.LUNS_CHANGED}`);
    });
  }

  /** The transport was called back as it should, and for nothing else. */
  #checkTold(): void {
    for (const { model, initiator } of this.connected.values()) {
      const told = initiator.changes.map(
        ({ lun, sense }) => `${lun}:${((sense?.asc ?? 0) << 8) | (sense?.ascq ?? 0)}`,
      );
      if (told.join() !== model.announced.join()) this.fail(`node ${model.node} heard ${told.join()}`);
      if (initiator.abortedLuns.join() !== model.aborted.join()) {
        this.fail(
          `node ${model.node}: aborted ${initiator.abortedLuns.join()}, wanted ${model.aborted.join()}`,
        );
      }
      for (const [lun, { next }] of model.units) {
        const shown = initiator.nexus.pendingAttention(encodeLun(lun));
        const found = shown && (shown.asc << 8) | shown.ascq;
        if (found !== next) this.fail(`node ${model.node} LUN ${lun}: ${found?.toString(16)} is pending`);
      }
    }
  }

  *#nexusesOf(unit: UnitModel): Generator<{ shown: number; model: NexusModel; pending: PendingModel }> {
    for (const { model } of this.connected.values()) {
      for (const [shown, pending] of model.units) if (pending.unit === unit) yield { shown, model, pending };
    }
  }

  #attach(model: NexusModel, lun: number): void {
    const shown = shownLun(model, lun);
    if (shown !== undefined) model.units.set(shown, new PendingModel(this.shelves[lun]!.model));
  }

  #powerOn(luns: readonly number[]): ScsiTarget {
    const target = new ScsiTarget({ onInternalError: (error) => this.fail(String((error as Error).stack)) });
    for (let port = 1; port <= PORTS; port++) {
      target.addPort({ relativePort: port, targetName: TARGET_NAME, portalGroupTag: port });
    }
    this.shelves.forEach((shelf, lun) => this.#units.set(lun, newUnit(shelf, lun)));
    for (const lun of luns) {
      target.addUnit(lun, this.#units.get(lun)!);
      this.present.add(lun);
    }
    return target;
  }
}

/** The name of the initiator port of a node. */
export function nodePort(node: number): string {
  return port(Math.floor(node / PORTS) + 1);
}

function newUnit(shelf: Shelf, lun: number): LogicalUnit {
  return new LogicalUnit({
    device: shelf.device,
    identity: new Uint8Array(16).fill(lun + 1),
    readOnly: shelf.model.readOnly,
    stateStore: {
      load: () => shelf.state,
      save: (change) => void (shelf.state = structuredClone({ ...shelf.state, ...change })),
    },
    atomicWriteBytes: 4096,
  });
}

function shownLun({ shownAs }: NexusModel, lun: number): number | undefined {
  return shownAs === undefined ? lun : shownAs.get(lun);
}

function ioFailure(call: DeviceCall): readonly [BlockErrorCode, number, number, number] {
  return ['BLOCK_IO', SenseKey.MEDIUM_ERROR, call === 'read' ? 0x11 : 0x0c, 0x00];
}
