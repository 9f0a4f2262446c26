import { isPromise, mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD, RESERVATION_CONFLICT } from '../answers.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import {
  PR_OUT_CLEAR,
  PR_OUT_PREEMPT,
  PR_OUT_PREEMPT_AND_ABORT,
  PR_OUT_REGISTER,
  PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  PR_OUT_REGISTER_AND_MOVE,
  PR_OUT_RELEASE,
  PR_OUT_RESERVE,
  type PersistentReserveOutCdb,
} from '../cdb/persistent-reserve-cdbs.ts';
import { defineCommand, type CommandEntry } from '../commands/command-entry.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidParameter } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { isSameNexus, type NexusName } from './nexus-name.ts';
import {
  MAX_OUT_LIST_BYTES,
  OUT_LIST_BYTES,
  OutListOffset,
  parseRegisterAndMoveList,
  parseReserveOutList,
} from './out-list.ts';
import { preempt } from './preempting.ts';
import { register, registerAndIgnoreExistingKey, registerAndMove } from './registering.ts';
import { clear, release, reserve } from './reserving.ts';
import { NO_KEY } from './reservation-state.ts';
import type { OutRequest, ServiceAction, StateChange } from './state-change.ts';

/** One service action: its rules, and which parts of the parameter list it looks at (SPC-4 table 216). */
interface OutAction {
  readonly cdb: CdbDefinition<PersistentReserveOutCdb>;
  readonly act: ServiceAction;
  /** SCOPE and TYPE mean something. */
  readonly takesType?: true;
  readonly takesAptpl?: true;
  readonly takesInitiatorPorts?: true;
  readonly moves?: true;
  readonly aborts?: true;
}

const SERVICE_ACTIONS: readonly OutAction[] = [
  { cdb: PR_OUT_REGISTER, act: register, takesAptpl: true, takesInitiatorPorts: true },
  { cdb: PR_OUT_RESERVE, act: reserve, takesType: true },
  { cdb: PR_OUT_RELEASE, act: release, takesType: true },
  { cdb: PR_OUT_CLEAR, act: clear },
  { cdb: PR_OUT_PREEMPT, act: preempt, takesType: true },
  { cdb: PR_OUT_PREEMPT_AND_ABORT, act: preempt, takesType: true, aborts: true },
  { cdb: PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, act: registerAndIgnoreExistingKey, takesAptpl: true },
  { cdb: PR_OUT_REGISTER_AND_MOVE, act: registerAndMove, takesAptpl: true, moves: true },
];

function startOut(itl: ItlNexus, action: OutAction, command: ScsiCommand): Execution {
  // SPC-2 5.5.1: the two ways to reserve exclude each other, whoever reserved.
  if (itl.unit.reservedBy !== undefined) return RESERVATION_CONFLICT;
  const fields = action.cdb.decode(command.cdb);
  const lengthBytes = fields.PARAMETER_LIST_LENGTH;
  if (lengthBytes < OUT_LIST_BYTES || lengthBytes > MAX_OUT_LIST_BYTES) {
    throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  }
  return new ParameterList(itl, 0, lengthBytes, (list) =>
    carryOut(itl, action, command, readRequest(itl, action, fields, list)),
  );
}

function readRequest(
  itl: ItlNexus,
  action: OutAction,
  fields: PersistentReserveOutCdb,
  list: Uint8Array,
): OutRequest {
  const { canPersist } = itl.unit.persistent;
  const targetPorts = portsOf(itl.unit);
  const common = { nexus: itl.nexusName, scope: fields.SCOPE, type: fields.TYPE, targetPorts };
  if (action.moves === true) {
    const move = parseRegisterAndMoveList(list);
    if (move.aptpl && !canPersist) throw invalidParameter(OutListOffset.MOVE_FLAGS, OutListOffset.APTPL_BIT);
    return { ...common, ...move, initiatorPorts: undefined, allTargetPorts: false };
  }
  const basic = parseReserveOutList(list, action.takesInitiatorPorts === true);
  if (basic.aptpl && action.takesAptpl === true && !canPersist) {
    throw invalidParameter(OutListOffset.FLAGS, OutListOffset.APTPL_BIT);
  }
  const { initiatorPorts } = basic;
  return { ...common, ...basic, initiatorPorts, destination: undefined, unregister: false };
}

/** The target ports of the unit, and those through which somebody is registered since they were there. */
function portsOf({ targetPorts, persistent }: LogicalUnit): ReadonlySet<number> {
  const registered = persistent.state.registrations.map(({ relativePort }) => relativePort);
  return new Set([...targetPorts.relativePorts, ...registered]);
}

/** The change is whole before another one begins; whose tasks are to be aborted is awaited after that. */
function carryOut(
  itl: ItlNexus,
  action: OutAction,
  command: ScsiCommand,
  request: OutRequest,
): MaybePromise<Finished> {
  const { unit } = itl;
  let allHeld = false;
  const outcome = unit.changeReservation<StateChange | Finished>(() => {
    if (unit.reservedBy !== undefined) return RESERVATION_CONFLICT;
    const { reservation } = unit.persistent.state;
    allHeld = reservation !== undefined && reservation.holder === undefined;
    const result = action.act(unit.persistent.state, request);
    if (result === 'reservation-conflict') return RESERVATION_CONFLICT;
    if (action.aborts === true && !allHeld) {
      const refused = unit.aca.refusalOfPreempting(itl, command, (other) => isAmong(other, result.preempted));
      if (refused !== undefined) return refused;
    }
    return mapMaybe(unit.persistent.apply(result), () => {
      tell(itl, result);
      return result;
    });
  });
  return mapMaybe(outcome, (result) => {
    if ('kind' in result) return result;
    if (action.aborts !== true) return GOOD;
    // SPC-4 5.13.11.2.6 g) A): who preempts all registrants clears conditions of others than these, too.
    if (allHeld && request.serviceActionKey === NO_KEY) unit.aca.clearAll();
    return abortTasks(itl, result.preempted);
  });
}

/** Unit attentions reach the nexuses that are there; one that comes later hears of its own beginning. */
function tell(itl: ItlNexus, { attentions }: StateChange): void {
  for (const { nexus, condition } of attentions) {
    for (const other of itl.unit.nexuses) {
      if (isSameNexus(other.nexusName, nexus)) other.attentions.raise(condition);
    }
  }
}

/**
 * Fencing is done when nothing of the preempted nexuses is at work any more (SPC-4 5.13.11.2.6). The sender's
 * own tasks go on, as its PREEMPT AND ABORT is one of them.
 */
function abortTasks(itl: ItlNexus, preempted: readonly NexusName[]): MaybePromise<Finished> {
  const all = [...itl.unit.nexuses].filter((other) => isAmong(other, preempted));
  const fenced = all.filter((other) => other !== itl);
  // SPC-4 5.13.11.2.6: as if each of them had allowed the removal of the medium.
  for (const other of fenced) other.preventsRemoval = false;
  const endings = fenced.map((other) => other.abortTasks()).filter((ending) => isPromise(ending));
  for (const other of all) itl.unit.aca.clear(other);
  return endings.length === 0 ? GOOD : Promise.all(endings).then(() => GOOD);
}

function isAmong({ nexusName }: ItlNexus, nexuses: readonly NexusName[]): boolean {
  return nexuses.some((nexus) => isSameNexus(nexusName, nexus));
}

/** PERSISTENT RESERVE OUT with each of its service actions. */
export const PERSISTENT_RESERVE_OUT_COMMANDS: readonly CommandEntry[] = SERVICE_ACTIONS.map((action) =>
  defineCommand(action.cdb, (itl, command) => startOut(itl, action, command), {
    access: 'free',
    path: 'standby',
    governs: true,
    unsupportedFields: action.takesType === true ? [] : ['SCOPE', 'TYPE'],
  }),
);
