import { CopyDomain } from '../copy/copy-domain.ts';
import { MAX_LUN } from '../lun.ts';
import type { Nexus, NexusOptions } from '../nexus.ts';
import { TargetPorts, type TargetPortAddress } from '../path/target-ports.ts';
import { addTargetPort } from '../path/unit-paths.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { EVERY_RIGHT, type RightsSource, type UnitRights } from '../unit/unit-rights.ts';
import { TargetNexus } from './target-nexus.ts';

/** Options of {@link ScsiTarget}. */
export interface ScsiTargetOptions {
  /**
   * Told of every error that is a mistake of ours: the command that met it has ended with HARDWARE ERROR,
   * INTERNAL TARGET FAILURE. By default it is written to standard error with its stack.
   */
  readonly onInternalError?: (error: unknown) => void;
  /**
   * The targets whose units an initiator can copy between without moving the data itself. Default: this one alone.
   */
  readonly copyDomain?: CopyDomain;
}

/** Logical units under one name, and the initiators that talk to them. It knows nothing of transports. */
export class ScsiTarget {
  readonly #units = new Map<number, LogicalUnit>();
  /** Who may do what, for the units that are not for everybody. */
  readonly #rights = new Map<number, RightsSource>();
  readonly #ports = new TargetPorts();
  readonly #nexuses = new Set<TargetNexus>();
  /** LUNs whose last commands are under way. */
  readonly #retiring = new Set<number>();
  readonly #onInternalError: (error: unknown) => void;
  readonly #copies: CopyDomain;

  constructor(options: ScsiTargetOptions = {}) {
    this.#onInternalError = options.onInternalError ?? writeToStandardError;
    this.#copies = options.copyDomain ?? new CopyDomain();
  }

  /** The logical units by LUN. */
  get units(): ReadonlyMap<number, LogicalUnit> {
    return this.#units;
  }

  /**
   * Gives a unit a LUN from 0 to 16 383; initiators that are there hear of it by a unit attention. Throws a
   * RangeError when the LUN is out of range or taken.
   *
   * @param rightsOf who may do what with the unit; without it everybody may do everything. Call
   * {@link ScsiTarget.rightsChanged} when it answers something else than before
   */
  addUnit(lun: number, unit: LogicalUnit, rightsOf?: RightsSource): void {
    if (!Number.isInteger(lun) || lun < 0 || lun > MAX_LUN)
      throw new RangeError(`LUN ${lun} is not 0 to ${MAX_LUN}`);
    if (this.#units.has(lun) || this.#retiring.has(lun)) throw new RangeError(`LUN ${lun} is taken`);
    for (const port of this.#ports.ports) addTargetPort(unit, port);
    this.#units.set(lun, unit);
    if (rightsOf !== undefined) this.#rights.set(lun, rightsOf);
    for (const nexus of this.#showing(lun)) {
      nexus.lunsChanged();
      nexus.attach(lun, unit);
    }
  }

  /**
   * Names a target port through which every unit can be reached, before anybody uses it: initiators see it in VPD
   * page 88h and REPORT TARGET PORT GROUPS, and those that are there hear of it. A port that a nexus comes through is
   * added by itself. Throws a RangeError for a number out of range, for more than 128 ports, and when another port has
   * the relative identifier.
   */
  addPort(port: TargetPortAddress): void {
    if (!this.#ports.add(port)) return;
    for (const unit of this.#units.values()) addTargetPort(unit, port);
  }

  /**
   * Takes a LUN away: its tasks are aborted, ROD tokens of it are not good any more, and other units tell of it.
   * Returns false when there is no such LUN.
   */
  removeUnit(lun: number): boolean {
    const unit = this.#units.get(lun);
    if (unit === undefined) return false;
    this.#units.delete(lun);
    unit.medium.changed(0, Number.MAX_SAFE_INTEGER);
    for (const nexus of this.#showing(lun)) {
      nexus.detach(lun);
      nexus.lunsChanged();
    }
    this.#rights.delete(lun);
    return true;
  }

  /**
   * Takes a LUN away in peace: from now on commands find no unit, and other units tell of it, while those that are
   * under way end with a status of their own, until `giveUp` settles: what is left then is aborted as with
   * {@link ScsiTarget.removeUnit}. Completes when the unit can be closed, and the LUN be given to another one; with
   * false when there is no such LUN.
   */
  async retireUnit(lun: number, giveUp: Promise<unknown>): Promise<boolean> {
    const unit = this.#units.get(lun);
    if (unit === undefined) return false;
    const showing = this.#showing(lun);
    this.#units.delete(lun);
    this.#rights.delete(lun);
    this.#retiring.add(lun);
    unit.medium.changed(0, Number.MAX_SAFE_INTEGER);
    const last = showing.map((nexus) => [nexus, nexus.release(lun)] as const);
    for (const nexus of showing) nexus.lunsChanged();
    try {
      await Promise.race([Promise.all(last.map(async ([, itl]) => itl?.emptied())), giveUp]);
      for (const [nexus, itl] of last) if (itl?.busy === true) nexus.abort(itl);
    } finally {
      this.#retiring.delete(lun);
    }
    return true;
  }

  /**
   * Who may do what with the unit under a LUN has changed. It is in force at once, in sessions that are there too: who
   * may not see the unit any more loses it with the commands that are under way, others hear that they have it; what
   * may be done with it is judged anew for each command that comes.
   */
  rightsChanged(lun: number): void {
    const unit = this.#units.get(lun);
    if (unit === undefined) return;
    for (const nexus of this.#nexuses) nexus.reconsider(lun, unit);
  }

  /**
   * True when there are units, and none of them exists for the user: so the target need not be told of either.
   *
   * @param lunMap as in `NexusOptions`
   */
  hidesAll(user: string | undefined, lunMap?: ReadonlyMap<number, number>): boolean {
    const luns = [...(lunMap?.values() ?? this.#units.keys())].filter((lun) => this.#units.has(lun));
    return luns.length > 0 && luns.every((lun) => this.#rightsTo(lun, user) === undefined);
  }

  /**
   * An initiator port starts to talk to the target. Close the nexus when it stops. Throws a RangeError as
   * {@link ScsiTarget.addPort} does.
   */
  openNexus(options: NexusOptions): Nexus {
    this.addPort(options);
    const nexus = new TargetNexus(
      {
        units: this.#units,
        copies: this.#copies,
        rightsTo: (lun, user) => this.#rightsTo(lun, user),
        onInternalError: this.#onInternalError,
        nexusClosed: (closed) => this.#nexuses.delete(closed),
      },
      options,
    );
    this.#nexuses.add(nexus);
    return nexus;
  }

  #rightsTo(lun: number, user: string | undefined): UnitRights | undefined {
    const rightsOf = this.#rights.get(lun);
    return rightsOf === undefined ? EVERY_RIGHT : rightsOf(user);
  }

  /** The initiators that may see a LUN: the others do not hear of it either. */
  #showing(lun: number): TargetNexus[] {
    return [...this.#nexuses].filter((nexus) => nexus.shows(lun));
  }
}

function writeToStandardError(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`lunbox:scsi: internal error: ${text}\n`);
}
