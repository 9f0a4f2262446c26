import { isPromise, mapMaybe, type MaybePromise } from '@lunbox/block';
import createDebug from 'debug';
import { TASK_ABORTED } from '../answers.ts';
import { describeCdb } from '../cdb/describe-cdb.ts';
import type { CopyDomain } from '../copy/copy-domain.ts';
import { Status, type Execution, type Finished, type ScsiCommand } from '../execution.ts';
import { decodeLun } from '../lun.ts';
import type { Nexus, NexusOptions, PendingAttention } from '../nexus.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import { ItlNexus, type ItlHost } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import type { NexusTasks } from '../unit/nexus-tasks.ts';
import { clearTaskSet, resetUnit } from '../unit/task-management.ts';
import { PERIPHERAL_DEVICE_TYPE } from '../unit/unit-kind.ts';
import type { UnitRights } from '../unit/unit-rights.ts';
import { executeWithoutUnit } from './absent-unit.ts';
import { startCommand } from './start-command.ts';

/** Tells of every command that ends with CHECK CONDITION: `DEBUG=lunbox:scsi:nexus`. */
const log = createDebug('lunbox:scsi:nexus');

/** What a nexus needs of its target. */
export interface NexusOwner {
  readonly units: ReadonlyMap<number, LogicalUnit>;
  readonly copies: CopyDomain;
  /** What a user may do with the unit under a LUN of the target; undefined where it does not exist for them. */
  rightsTo(targetLun: number, user: string | undefined): UnitRights | undefined;
  readonly onInternalError: (error: unknown) => void;
  nexusClosed(nexus: TargetNexus): void;
}

/** The nexus of {@link Nexus}: finds the unit, keeps the task set, and turns every failure into a status. */
export class TargetNexus implements Nexus, ItlHost {
  readonly options: NexusOptions;
  readonly #owner: NexusOwner;
  /** By the LUN that the initiator uses. */
  readonly #units = new Map<number, ItlNexus>();
  /** LUN of the target → LUN that the initiator uses; undefined when they are the same. */
  readonly #shownAs: ReadonlyMap<number, number> | undefined;
  #closed = false;

  constructor(owner: NexusOwner, options: NexusOptions) {
    this.#owner = owner;
    this.options = options;
    this.#shownAs = options.lunMap && new Map([...options.lunMap].map(([shown, own]) => [own, shown]));
    for (const [lun, unit] of owner.units) this.attach(lun, unit);
    owner.copies.enter(this);
  }

  get luns(): readonly number[] {
    return [...this.#units.keys()].sort((a, b) => a - b);
  }

  get itls(): Iterable<ItlNexus> {
    return this.#units.values();
  }

  get copies(): CopyDomain {
    return this.#owner.copies;
  }

  execute(lun: Uint8Array, command: ScsiCommand): MaybePromise<Execution> {
    const number = decodeLun(lun);
    const itl = number === undefined ? undefined : this.#units.get(number);
    if (itl === undefined) return this.#executeWithoutUnit(number, command);
    const refused = this.#refusal(itl, command);
    if (refused !== undefined) return refused;
    const tasks = command.attribute === 'aca' ? itl.acaTasks : itl.tasks;
    const turn = itl.unit.tasks.enter(tasks, command);
    return turn === undefined ? this.#run(tasks, command) : turn.then(() => this.#run(tasks, command));
  }

  hasUnit(lun: Uint8Array): boolean {
    return this.#find(lun) !== undefined;
  }

  resetUnit(lun: Uint8Array): boolean {
    const itl = this.#find(lun);
    if (itl !== undefined) resetUnit(itl.unit);
    return itl !== undefined;
  }

  clearTaskSet(lun: Uint8Array): boolean {
    const itl = this.#find(lun);
    if (itl !== undefined) clearTaskSet(itl.unit, itl);
    return itl !== undefined;
  }

  pendingAttention(lun: Uint8Array): PendingAttention | undefined {
    const attentions = this.#find(lun)?.attentions;
    const next = attentions?.next;
    return attentions === undefined || next === undefined ? undefined : { ...next, count: attentions.count };
  }

  commandsCleared(lun: Uint8Array): void {
    this.#find(lun)?.attentions.raise(AdditionalSenseCode.SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT);
  }

  commandsAborted(lun: Uint8Array): void {
    this.#find(lun)?.unit.aca.review();
  }

  commandFailed(lun: Uint8Array, command: ScsiCommand): void {
    const itl = this.#find(lun);
    itl?.unit.aca.commandFailed(itl, command);
  }

  clearAca(lun: Uint8Array): boolean {
    const itl = this.#find(lun);
    itl?.unit.aca.clear(itl);
    return itl !== undefined;
  }

  resetTarget(): void {
    for (const itl of this.#units.values()) resetUnit(itl.unit);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const itl of this.#units.values()) itl.unit.detach(itl);
    this.#units.clear();
    this.#owner.copies.leave(this);
    this.#owner.nexusClosed(this);
  }

  lunInventoryReported(): void {
    for (const { attentions } of this.#units.values()) {
      attentions.clear(AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED);
    }
  }

  reportInternalError(error: unknown): void {
    this.#owner.onInternalError(error);
  }

  /** True when the initiator may see a LUN of the target. */
  shows(targetLun: number): boolean {
    return this.#shownLun(targetLun) !== undefined && this.#rightsTo(targetLun) !== undefined;
  }

  /** The target has a unit (more). */
  attach(targetLun: number, unit: LogicalUnit): void {
    const lun = this.#shownLun(targetLun);
    const rights = this.#rightsTo(targetLun);
    if (lun === undefined || rights === undefined) return;
    const itl = new ItlNexus(this, lun, unit, rights);
    this.#units.set(lun, itl);
    unit.attach(itl);
  }

  /** The target has a unit less. Answers what is left of it here: commands that are under way go on. */
  release(targetLun: number): ItlNexus | undefined {
    const lun = this.#shownLun(targetLun);
    const itl = lun === undefined ? undefined : this.#units.get(lun);
    if (lun === undefined || itl === undefined) return undefined;
    this.#units.delete(lun);
    itl.unit.detach(itl);
    return itl;
  }

  /** The target has a unit less, and the commands that are under way go with it. */
  detach(targetLun: number): void {
    const itl = this.release(targetLun);
    if (itl !== undefined) this.abort(itl);
  }

  /** Aborts the commands of what {@link TargetNexus.release} has answered. */
  abort({ lun, unit }: ItlNexus): void {
    this.options.onTasksAborted(lun);
    unit.aca.review();
  }

  /** Who may do what with a unit has changed: it may appear or go, and what may be done with it be another. */
  reconsider(targetLun: number, unit: LogicalUnit): void {
    const lun = this.#shownLun(targetLun);
    if (lun === undefined) return;
    const rights = this.#rightsTo(targetLun);
    const itl = this.#units.get(lun);
    if (itl === undefined && rights !== undefined) {
      this.lunsChanged();
      this.attach(targetLun, unit);
    } else if (itl !== undefined && rights === undefined) {
      this.detach(targetLun);
      this.lunsChanged();
    } else if (itl !== undefined && rights !== undefined) {
      // The WP bit of the mode parameter header tells of it.
      if (itl.rights.writes !== rights.writes)
        itl.attentions.raise(AdditionalSenseCode.MODE_PARAMETERS_CHANGED);
      itl.rights = rights;
    }
  }

  /** The LUNs have changed: a unit attention for every unit of the nexus, and one announcement. */
  lunsChanged(): void {
    const [first, ...others] = this.#units.values();
    first?.announce(AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED);
    for (const { attentions } of others) attentions.raise(AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED);
  }

  #shownLun(targetLun: number): number | undefined {
    return this.#shownAs === undefined ? targetLun : this.#shownAs.get(targetLun);
  }

  #rightsTo(targetLun: number): UnitRights | undefined {
    return this.#owner.rightsTo(targetLun, this.options.user);
  }

  #find(lun: Uint8Array): ItlNexus | undefined {
    const number = decodeLun(lun);
    return number === undefined ? undefined : this.#units.get(number);
  }

  /** The answer to a command that an ACA condition keeps out, or for which there is no room. */
  #refusal(itl: ItlNexus, command: ScsiCommand): Finished | undefined {
    const { aca, tasks } = itl.unit;
    let refused: Finished | undefined;
    if (aca.established || command.attribute === 'aca') {
      try {
        refused = aca.refusal(itl, command);
      } catch (error) {
        return this.#answered(itl, command, this.#failure(itl, command, error));
      }
    }
    refused ??= tasks.refusal(itl.tasks);
    return refused === undefined ? undefined : this.#answered(itl, command, refused);
  }

  #run(tasks: NexusTasks, command: ScsiCommand): MaybePromise<Execution> {
    const { itl } = tasks;
    tasks.command = command;
    itl.starting = tasks;
    if (command.aborted) return this.#end(tasks, command, TASK_ABORTED);
    try {
      const result = startCommand(itl, command);
      if (isPromise(result)) return this.#settle(tasks, command, result);
      return result.kind === 'finished' ? this.#end(tasks, command, result) : result;
    } catch (error) {
      return this.#end(tasks, command, this.#failure(itl, command, error));
    }
  }

  #settle(tasks: NexusTasks, command: ScsiCommand, result: Promise<Execution>): Promise<Execution> {
    const { itl } = tasks;
    const finish = (answer: () => Finished): MaybePromise<Finished> => {
      const blocked = itl.unit.aca.hold(itl, command);
      return mapMaybe(blocked, () => this.#end(tasks, command, answer()));
    };
    return result.then(
      (execution) => (execution.kind === 'finished' ? finish(() => execution) : execution),
      (error: unknown) => finish(() => this.#failure(itl, command, error)),
    );
  }

  /** The command has ended: it leaves the task set. */
  #end(tasks: NexusTasks, command: ScsiCommand, finished: Finished): Finished {
    if (finished.status !== Status.GOOD) this.#answered(tasks.itl, command, finished);
    tasks.leave();
    return finished;
  }

  /** What follows from some statuses. */
  #answered(itl: ItlNexus, command: ScsiCommand, finished: Finished): Finished {
    const { status } = finished;
    if (status === Status.CHECK_CONDITION) itl.unit.aca.commandFailed(itl, command);
    else itl.answered(status);
    return finished;
  }

  #failure(itl: ItlNexus, command: ScsiCommand, error: unknown): Finished {
    const condition = itl.checkCondition(error, 'read');
    if (log.enabled) {
      const deviceType = PERIPHERAL_DEVICE_TYPE[itl.unit.kind];
      log('LUN %d: %s: %s', itl.lun, describeCdb(command.cdb, deviceType), condition.message);
    }
    return condition.toFinished();
  }

  #executeWithoutUnit(lun: number | undefined, command: ScsiCommand): Finished {
    if (this.#closed) return TASK_ABORTED;
    try {
      return executeWithoutUnit(this, lun, command);
    } catch (error) {
      if (error instanceof CheckConditionError) return error.toFinished();
      throw error;
    }
  }
}
