import { SenseKey, Status, type TaskAttribute } from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import { check, type Expected } from './expected.ts';
import type { NexusModel } from './nexus-model.ts';
import type { UnitModel } from './unit-model.ts';

const NACA = 0x04;
const PERSISTENT_RESERVE_OUT = 0x5f;
const PREEMPT_AND_ABORT = 0x05;
/** By the group of the operation code; that of a CDB of variable length has its own place. */
const CONTROL_BYTES: readonly (number | undefined)[] = [5, 9, 9, 1, 15, 11];

const BUSY: Expected = { status: Status.BUSY };
const ACA_ACTIVE: Expected = { status: Status.ACA_ACTIVE };
const INVALID_MESSAGE: Expected = check(SenseKey.ILLEGAL_REQUEST, 0x49, 0x00);

/** How a command is sent. */
export interface Manner {
  readonly attribute: TaskAttribute;
  /** CHECK CONDITION establishes an ACA condition. */
  readonly naca: boolean;
}

/** NACA is refused to who may only read, and nothing comes of it where there is no unit. */
export function someManner(dice: Dice, nexus: NexusModel, unit: UnitModel | undefined): Manner {
  const faulted = unit?.faulted.has(nexus.node) === true;
  const naca = unit !== undefined && !nexus.readOnly && dice.chance(faulted ? 0.3 : 0.08);
  const attribute: TaskAttribute = dice.chance(faulted ? 0.6 : 0.01)
    ? 'aca'
    : dice.pick(['simple', 'simple', 'ordered', 'head-of-queue']);
  return { attribute: unit === undefined && attribute === 'aca' ? 'simple' : attribute, naca };
}

/** The CDB with its NACA bit set, where it has a CONTROL byte that everybody finds. */
export function withNaca(cdb: Uint8Array): Uint8Array {
  const at = CONTROL_BYTES[cdb[0]! >> 5];
  const changed = Uint8Array.from(cdb);
  if (at !== undefined && at < cdb.length) changed[at]! |= NACA;
  return changed;
}

/** How a command ends that an ACA condition keeps out, with one task set for all (SAM-5 5.9.2). */
export function acaRefusal(unit: UnitModel, { node }: NexusModel, manner: Manner): Expected | undefined {
  const aca = manner.attribute === 'aca';
  if (unit.faulted.has(node)) return aca ? undefined : ACA_ACTIVE;
  if (unit.faulted.size === 0) return aca ? INVALID_MESSAGE : undefined;
  return aca || manner.naca ? ACA_ACTIVE : BUSY;
}

/** What the end of a command makes of ACA conditions (SAM-5 5.9.2.3). */
export function acaAfter(unit: UnitModel, { node }: NexusModel, manner: Manner, status: number): void {
  if (status !== Status.CHECK_CONDITION) return;
  if (manner.naca) unit.faulted.add(node);
  else if (manner.attribute === 'aca') unit.faulted.delete(node);
}

/** It runs in spite of a condition of whom it preempts (SPC-4 5.13.11.2.6). */
export function isPreemptAndAbort([operationCode, action = 0]: Uint8Array): boolean {
  return operationCode === PERSISTENT_RESERVE_OUT && (action & 0x1f) === PREEMPT_AND_ABORT;
}
