import { check, CONFLICT, NOT_STARTED, WRITE_PROTECTED, type Expected } from './expected.ts';
import type { DeviceCall } from './history-device.ts';
import type { NexusModel, PendingModel } from './nexus-model.ts';
import type { OperationKind, UnitModel } from './unit-model.ts';

const NOT_READY = 2;
const MEDIUM_ERROR = 3;

/** One command: its bytes, and what the standards say of it. */
export interface Step {
  readonly name: string;
  readonly cdb: Uint8Array;
  readonly dataOut?: Uint8Array;
  /** Runs although a unit attention condition is pending (SAM-5 5.14). */
  readonly duringAttention?: true;
  /** Runs although another nexus has the unit by RESERVE (SPC-2 table 10). */
  readonly whileReserved?: true;
  /** What it is to a persistent reservation (SPC-4 table 65, SBC-3 table 13). Free ones judge for themselves. */
  readonly access: 'free' | 'reads' | 'changes';
  /** Needs a medium that is ready. */
  readonly medium?: true;
  /** FORMAT UNIT and SANITIZE run where their like has failed. */
  readonly repairs?: true;
  /** Refused while the unit is write protected. */
  readonly writes?: true;
  /** Refused to a nexus that may only read, as others would feel it. */
  readonly governs?: true;
  /** What it asks of the device first, for certain. */
  readonly touches?: DeviceCall;
  /** How it ends where there is no unit. Default: LOGICAL UNIT NOT SUPPORTED. */
  readonly withoutUnit?: (nexus: NexusModel, lun: number) => Expected;
  /** Does it on the model, when nothing keeps it from the unit. */
  readonly run: (unit: UnitModel, pending: PendingModel, nexus: NexusModel) => Expected;
}

/** Why the medium of a unit is not ready; undefined when it is. */
export function notReady(unit: UnitModel): Expected | undefined {
  if (unit.running !== undefined) return inProgress(unit.running);
  if (unit.sanitizeFailed !== undefined) return check(MEDIUM_ERROR, 0x31, 0x03);
  if (unit.formatFailed) return check(MEDIUM_ERROR, 0x31, 0x00);
  return undefined;
}

/** What keeps a command from being carried out (SAM-5 5.3.3); undefined when nothing does. */
export function refusal(step: Step, pending: PendingModel, nexus: NexusModel): Expected | undefined {
  const { unit } = pending;
  const news = step.duringAttention === true ? undefined : pending.take();
  if (news !== undefined) return news;
  const reserved = unit.reservedBy !== undefined && unit.reservedBy !== nexus.node;
  if (reserved && step.whileReserved !== true) return CONFLICT;
  if (step.access !== 'free' && unit.reservations.access(nexus.node, step.access === 'changes') !== 'good') {
    return CONFLICT;
  }
  if (step.medium === true) {
    if (unit.stopped) return NOT_STARTED;
    const why = notReady(unit);
    if (why !== undefined && !(step.repairs === true && unit.running === undefined)) return why;
  }
  const protectedUnit = step.writes === true && (unit.writeProtected || nexus.readOnly);
  return protectedUnit || (step.governs === true && nexus.readOnly) ? WRITE_PROTECTED : undefined;
}

function inProgress(kind: OperationKind): Expected {
  return check(NOT_READY, 0x04, kind === 'format' ? 0x04 : 0x1b);
}
