import { isPromise, mapMaybe, type MaybePromise } from '@lunbox/block';
import type { CopyDomain } from '../copy/copy-domain.ts';
import { CopyOperations } from '../copy/copy-operation.ts';
import { MediaEvent } from '../data/media-event.ts';
import { Status } from '../execution.ts';
import type { NexusOptions } from '../nexus.ts';
import type { PortGroup } from '../path/target-ports.ts';
import { addTargetPort } from '../path/unit-paths.ts';
import { nexusName, type NexusName } from '../persistent-reservation/nexus-name.ts';
import { AdditionalSenseCode, SenseKey, type AdditionalSense } from '../sense/additional-sense.ts';
import { blockFailure, type MediumAccess } from '../sense/block-failures.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { LogicalUnit } from './logical-unit.ts';
import { NexusTasks } from './nexus-tasks.ts';
import { UnitAttentions } from './unit-attentions.ts';
import { EVERY_RIGHT, type UnitRights } from './unit-rights.ts';

/** What an I_T_L nexus needs of the target that it belongs to. */
export interface ItlHost {
  readonly options: NexusOptions;
  /** The LUNs of the target, ascending. */
  readonly luns: readonly number[];
  /** The units that it shows. */
  readonly itls: Iterable<ItlNexus>;
  /** Where third-party copies find units and tokens. */
  readonly copies: CopyDomain;
  /** The initiator has read the LUN inventory: nobody needs to tell it of changes any more. */
  lunInventoryReported(): void;
  /** Something broke that is neither the initiator's nor the medium's fault. */
  reportInternalError(error: unknown): void;
}

/** UA_INTLCK_CTRL: a unit attention condition follows some statuses (SPC-4 table 461), and which. */
const ESTABLISHES = 0b11;
const PREVIOUS_STATUS: ReadonlyMap<number, AdditionalSense> = new Map<number, AdditionalSense>([
  [Status.BUSY, AdditionalSenseCode.PREVIOUS_BUSY_STATUS],
  [Status.TASK_SET_FULL, AdditionalSenseCode.PREVIOUS_TASK_SET_FULL_STATUS],
  [Status.RESERVATION_CONFLICT, AdditionalSenseCode.PREVIOUS_RESERVATION_CONFLICT_STATUS],
]);

/** One initiator port's view of one logical unit (SAM-5: I_T_L nexus). */
export class ItlNexus {
  readonly host: ItlHost;
  readonly lun: number;
  readonly unit: LogicalUnit;
  /** The name under which persistent reservations know the nexus: it outlives sessions (T-W2). */
  readonly nexusName: NexusName;
  /** How well the unit can be reached through the target port of the nexus. */
  readonly portGroup: PortGroup;
  readonly attentions: UnitAttentions = new UnitAttentions();
  /** What the user behind the initiator may do; commands that have begun go on by what it was then. */
  rights: UnitRights;
  /** The third-party copies that it asked for by list identifiers, and their results. */
  readonly copies: CopyOperations = new CopyOperations();
  /** What WRITE BUFFER wrote to the echo buffer last. */
  echoBuffer: Uint8Array | undefined = undefined;
  /** The initiator has said that nobody may eject the medium. */
  preventsRemoval = false;
  /** What has happened to the medium since GET EVENT STATUS NOTIFICATION told of it. */
  mediaEvent: number = MediaEvent.NO_CHANGE;
  /** The tasks that the command which is being started is one of. */
  starting: NexusTasks;
  #tasks: NexusTasks;
  /** Those with the ACA attribute, which outlive the condition that let them in when they are at work. */
  #acaTasks: NexusTasks;
  /** Failure of a command that had been answered with GOOD already (SPC-4 4.5.5). */
  #deferred: CheckConditionError | undefined = undefined;

  constructor(host: ItlHost, lun: number, unit: LogicalUnit, rights: UnitRights = EVERY_RIGHT) {
    this.host = host;
    this.lun = lun;
    this.unit = unit;
    this.rights = rights;
    const { initiatorPort, relativePort } = host.options;
    this.nexusName = nexusName(initiatorPort, relativePort);
    this.portGroup = addTargetPort(unit, host.options);
    this.#tasks = this.starting = new NexusTasks(unit.tasks, this);
    this.#acaTasks = new NexusTasks(unit.tasks, this);
    this.attentions.raise(AdditionalSenseCode.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED);
  }

  /** The tasks that a command enters now, if it has not the ACA attribute. */
  get tasks(): NexusTasks {
    return this.#tasks;
  }

  /** The tasks that a command with the ACA attribute enters now. */
  get acaTasks(): NexusTasks {
    return this.#acaTasks;
  }

  /** True while the nexus has a task in the task set. */
  get busy(): boolean {
    return this.#tasks.busy || this.#acaTasks.busy;
  }

  /** True when NACA is taken: an ACA condition keeps others out, which who may only read must not do. */
  get mayFault(): boolean {
    return !this.readOnly;
  }

  /** A change that the initiator should hear of soon: as a unit attention, and at once where that is possible. */
  announce(condition: AdditionalSense): void {
    this.attentions.raise(condition);
    const { asc, ascq } = condition;
    const attention = new CheckConditionError({ senseKey: SenseKey.UNIT_ATTENTION, asc, ascq });
    const { sense } = this.checkCondition(attention, 'read').toFinished();
    if (sense !== undefined) this.host.options.onUnitChanged?.(this.lun, sense);
  }

  /** True when the initiator may only read, whatever others may. */
  get readOnly(): boolean {
    return !this.rights.writes || this.host.options.readOnly === true;
  }

  /** True when some of the initiator's writes are refused, or all. */
  get restrictsWrites(): boolean {
    return this.unit.restrictsWrites || this.readOnly;
  }

  /** True when the initiator's writes are refused: by the unit, or because it may only read. */
  get writeProtected(): boolean {
    return this.unit.writeProtected || this.readOnly;
  }

  /** Aborts every task of the nexus on the unit; completes when the last of them has ended. */
  abortTasks(): MaybePromise<void> {
    const { aca, tasks } = this.unit;
    const aborted = this.#tasks;
    const ofAca = this.#acaTasks;
    this.#tasks = new NexusTasks(tasks, this);
    this.#acaTasks = new NexusTasks(tasks, this);
    this.host.options.onTasksAborted(this.lun);
    aca.review();
    const copies = this.unit.copies.abort(this);
    return mapMaybe(aborted.drained(), () => mapMaybe(ofAca.drained(), () => copies));
  }

  /** Completes when the nexus has no task on the unit any more: call it when none can come. */
  async emptied(): Promise<void> {
    await this.#tasks.emptied();
    await this.#acaTasks.emptied();
  }

  /**
   * What the next command has to hear of first, which is over then; with UA_INTLCK_CTRL 1xb a unit attention
   * condition stays until REQUEST SENSE `fetches` it.
   */
  takeNews(fetches: boolean): CheckConditionError | undefined {
    const stays = !fetches && this.unit.modes.attentionInterlock !== 0;
    const news = this.attentions.take(stays) ?? this.#deferred;
    if (news === this.#deferred) this.#deferred = undefined;
    return news;
  }

  /** UA_INTLCK_CTRL 11b: a status that says nothing of its reason is told of by a unit attention, too. */
  answered(status: number): void {
    const condition = PREVIOUS_STATUS.get(status);
    if (condition !== undefined && this.unit.modes.attentionInterlock === ESTABLISHES) {
      this.attentions.raise(condition);
    }
  }

  /** Lets work go on after the command was answered. Its failure is told to a later command. */
  runInBackground(work: () => MaybePromise<unknown>): void {
    const failed = (error: unknown): void => {
      const { sense } = this.checkCondition(error, 'write');
      this.#deferred = new CheckConditionError({ ...sense, deferred: true }, error);
    };
    try {
      const result = work();
      if (isPromise(result)) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Any error as the check condition that the initiator gets, in the unit's sense format. */
  checkCondition(error: unknown, access: MediumAccess, lba?: number): CheckConditionError {
    const known = error instanceof CheckConditionError ? error : blockFailure(error, access, lba);
    const condition = known ?? this.#internalError(error);
    condition.descriptorFormat = this.unit.modes.descriptorSense;
    return condition;
  }

  /**
   * Does `work`; whatever it throws becomes a check condition, with the LBA of the byte `offset` where that
   * is known.
   */
  guarded<T>(access: MediumAccess, offset: number | undefined, work: () => MaybePromise<T>): MaybePromise<T> {
    const lba = offset === undefined ? undefined : Math.floor(offset / this.unit.blockSize);
    const failed = (error: unknown): never => {
      throw this.checkCondition(error, access, lba);
    };
    try {
      const result = work();
      return isPromise(result) ? result.catch(failed) : result;
    } catch (error) {
      return failed(error);
    }
  }

  /** Everything written is on the medium when it completes. */
  flush(): MaybePromise<void> {
    return this.guarded('write', undefined, () => this.unit.medium.flush());
  }

  #internalError(error: unknown): CheckConditionError {
    this.host.reportInternalError(error);
    const code = AdditionalSenseCode.INTERNAL_TARGET_FAILURE;
    return new CheckConditionError({ senseKey: SenseKey.HARDWARE_ERROR, ...code }, error);
  }
}
