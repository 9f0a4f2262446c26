import { isPromise, type MaybePromise } from '@lunbox/block';
import createDebug from 'debug';
import { TASK_ABORTED } from '../answers.ts';
import { describeCdb } from '../cdb/describe-cdb.ts';
import type { CopyDomain } from '../copy/copy-domain.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { decodeLun } from '../lun.ts';
import type { Nexus, NexusOptions, PendingAttention } from '../nexus.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { CheckConditionError, illegalRequest } from '../sense/check-condition-error.ts';
import { ItlNexus, type ItlHost } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import type { NexusTasks } from '../unit/task-set.ts';
import { PERIPHERAL_DEVICE_TYPE } from '../unit/unit-kind.ts';
import { executeWithoutUnit } from './absent-unit.ts';
import { startCommand } from './start-command.ts';

/** Tells of every command that ends with CHECK CONDITION: `DEBUG=lunbox:scsi:nexus`. */
const log = createDebug('lunbox:scsi:nexus');

/** What a nexus needs of its target. */
export interface NexusOwner {
  readonly units: ReadonlyMap<number, LogicalUnit>;
  readonly copies: CopyDomain;
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
    // SAM-5 8.6.5: the ACA attribute means nothing while there is no ACA condition, and here there never is
    // one.
    if (command.attribute === 'aca') {
      return this.#failure(itl, command, illegalRequest(AdditionalSenseCode.INVALID_MESSAGE_ERROR));
    }
    const turn = itl.unit.tasks.enter(command.attribute);
    return turn === undefined ? this.#run(itl, command) : turn.then(() => this.#run(itl, command));
  }

  hasUnit(lun: Uint8Array): boolean {
    return this.#find(lun) !== undefined;
  }

  resetUnit(lun: Uint8Array): boolean {
    const itl = this.#find(lun);
    itl?.unit.reset();
    return itl !== undefined;
  }

  clearTaskSet(lun: Uint8Array): boolean {
    const itl = this.#find(lun);
    itl?.unit.clearTaskSet(itl);
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

  resetTarget(): void {
    for (const itl of this.#units.values()) itl.unit.reset();
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
    return this.#shownLun(targetLun) !== undefined;
  }

  /** The target has a unit (more). */
  attach(targetLun: number, unit: LogicalUnit): void {
    const lun = this.#shownLun(targetLun);
    if (lun === undefined) return;
    const itl = new ItlNexus(this, lun, unit);
    this.#units.set(lun, itl);
    unit.attach(itl);
  }

  /** The target has a unit less. */
  detach(targetLun: number): void {
    const lun = this.#shownLun(targetLun);
    const itl = lun === undefined ? undefined : this.#units.get(lun);
    if (lun === undefined || itl === undefined) return;
    this.#units.delete(lun);
    itl.unit.detach(itl);
    this.options.onTasksAborted(lun);
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

  #find(lun: Uint8Array): ItlNexus | undefined {
    const number = decodeLun(lun);
    return number === undefined ? undefined : this.#units.get(number);
  }

  #run(itl: ItlNexus, command: ScsiCommand): MaybePromise<Execution> {
    const { tasks } = itl;
    tasks.start();
    if (command.aborted) return leave(tasks, TASK_ABORTED);
    try {
      const result = startCommand(itl, command);
      if (isPromise(result)) return this.#settle(itl, command, tasks, result);
      return result.kind === 'finished' ? leave(tasks, result) : result;
    } catch (error) {
      return leave(tasks, this.#failure(itl, command, error));
    }
  }

  #settle(
    itl: ItlNexus,
    command: ScsiCommand,
    tasks: NexusTasks,
    result: Promise<Execution>,
  ): Promise<Execution> {
    return result.then(
      (execution) => (execution.kind === 'finished' ? leave(tasks, execution) : execution),
      (error: unknown) => leave(tasks, this.#failure(itl, command, error)),
    );
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

function leave(tasks: NexusTasks, finished: Finished): Finished {
  tasks.leave();
  return finished;
}
