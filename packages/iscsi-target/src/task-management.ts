import {
  TaskManagementFunction,
  TaskManagementResult,
  serialLess,
  type TaskManagementRequestPdu,
} from '@lunbox/iscsi-pdu';
import type { Nexus } from '@lunbox/scsi';
import type { CommandRunner } from './command-runner.ts';
import { sameLun } from './lun.ts';
import { quirksOf } from './quirks.ts';
import { reassignTask } from './reassignment.ts';
import type { Session, SessionConnection } from './session.ts';
import { LEVEL_2_FUNCTIONS } from './task-queries.ts';
import { multiTask, type AbortedTasks, type MultiTaskFunction } from './multi-task-abort.ts';
import type { Task } from './task.ts';

/** What a task management function needs beyond its own session. */
export interface ResetAuthority {
  /** Runs `work` now, or after the work in the middle of which this is called. */
  inTurn(work: () => void): void;
  /** Runs `reset` for the request of a session and returns every task, of whatever session, that it aborted. */
  collectAborted(by: Session, reset: () => void): AbortedTasks[];
  /** Drops the connections of every session of the target (TARGET COLD RESET). */
  dropSessions(targetName: string | undefined): void;
  /** Ends a session: `leave` is called for each of its connections. */
  endSession(session: Session, leave: (leaving: SessionConnection) => void): void;
}

/**
 * Answers with a {@link TaskManagementResult}, at once or when the aborted tasks are over, and with the
 * additional response information of RFC 7144 §6.4.1, if any.
 */
export type Answer = (result: number, additionalResponse?: number) => void;

/** A request, and who has to do with it. */
export interface FunctionContext {
  readonly session: Session;
  /** The connection that the request came by. */
  readonly from: SessionConnection;
  readonly request: TaskManagementRequestPdu;
  readonly authority: ResetAuthority;
  /** Runs the commands of that connection. */
  readonly runner: CommandRunner;
  readonly answer: Answer;
  /** Answers behind a fence (RFC 7143 §4.2.2.3) and calls `sent` then. */
  readonly answerAlone: (result: number, sent: () => void) => void;
}

/** Carries out one function. */
export type FunctionHandler = (context: FunctionContext) => void;

const { FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST } = TaskManagementResult;
const { FUNCTION_NOT_SUPPORTED, FUNCTION_REJECTED } = TaskManagementResult;

const TARGET_RESET: MultiTaskFunction = {
  affects:
    ({ request }) =>
    (task) =>
      isBefore(task, request),
  abort: (context) => abortedBy(context, (nexus) => nexus.resetTarget()),
  plugs: true,
};

/** Every function of RFC 7143 §11.5.1 that is carried out here. */
const HANDLERS: Readonly<Record<number, FunctionHandler>> = {
  [TaskManagementFunction.ABORT_TASK]: abortTask,
  [TaskManagementFunction.ABORT_TASK_SET]: multiTask({
    affects: ofUnit,
    abort: ({ session, request }, affects) => {
      const tasks = session.abort(affects);
      return [{ session, tasks, atWork: session.remnants.select(({ lun }) => sameLun(lun, request.lun)) }];
    },
    plugs: false,
  }),
  [TaskManagementFunction.CLEAR_ACA]: multiTask({
    // SAM-5 7.3: to a command with the ACA attribute it is an ABORT TASK.
    affects: (context) => {
      const isOfUnit = ofUnit(context);
      return isOfUnit && ((task) => task.attribute === 'aca' && isOfUnit(task));
    },
    abort: ({ session, request }, affects) => {
      const tasks = session.abort(affects);
      session.nexus?.clearAca(request.lun);
      return [{ session, tasks, atWork: session.remnants.select(affects) }];
    },
    plugs: false,
  }),
  [TaskManagementFunction.CLEAR_TASK_SET]: unitFunction((nexus, lun) => nexus.clearTaskSet(lun)),
  [TaskManagementFunction.LOGICAL_UNIT_RESET]: unitFunction((nexus, lun) => nexus.resetUnit(lun)),
  [TaskManagementFunction.TARGET_WARM_RESET]: multiTask(TARGET_RESET),
  [TaskManagementFunction.TARGET_COLD_RESET]: multiTask({
    ...TARGET_RESET,
    // RFC 7143 §11.5.1: a cold reset also ends all connections; the answer leaves first.
    afterwards: ({ session, authority }) => authority.dropSessions(session.identity.targetName),
  }),
  [TaskManagementFunction.TASK_REASSIGN]: reassignTask,
};

/** Carries out a task management request and answers when it is done (RFC 7143 §4.2.3.3). */
export function manageTasks(context: FunctionContext): void {
  const { session, request, answer } = context;
  const level2 = session.parameters.protocolLevel >= 2;
  const handler = HANDLERS[request.function] ?? (level2 ? LEVEL_2_FUNCTIONS[request.function] : undefined);
  if (handler === undefined) answer(FUNCTION_NOT_SUPPORTED);
  else handler(context);
}

function abortTask({ session, request, answer }: FunctionContext): void {
  const { referencedTaskTag, refCmdSn } = request;
  const known = session.tasks.get(referencedTaskTag);
  const [aborted] = session.remnants.select(
    ({ initiatorTaskTag, cmdSn, connection }) =>
      initiatorTaskTag === referencedTaskTag && cmdSn === refCmdSn && !connection.ended,
  );
  const task = known ?? aborted;
  // RFC 7143 §11.5.1: task management is not aborted.
  const own = referencedTaskTag === request.initiatorTaskTag;
  if (task === undefined && !own && session.holdsRequest(referencedTaskTag)) return answer(FUNCTION_REJECTED);
  if (task === undefined) return answer(absentTask(session, request));
  session.abort((candidate) => candidate === task);
  task.whenEnded(() => answer(FUNCTION_COMPLETE));
}

/** RFC 7143 §11.6.1, cases b) and c): the referenced command is on its way, or it has finished or never was. */
function absentTask(session: Session, request: TaskManagementRequestPdu): number {
  const { refCmdSn, cmdSn } = request;
  if (session.inWindow(refCmdSn) && serialLess(refCmdSn, cmdSn)) {
    // The CmdSN counts as received: the command is ignored should it still come.
    session.inOrder(refCmdSn, () => undefined);
    return FUNCTION_COMPLETE;
  }
  const finished = serialLess(refCmdSn, session.expCmdSn);
  const { abortOfFinishedTaskCompletes } = quirksOf(session.identity.initiatorName);
  return finished && abortOfFinishedTaskCompletes ? FUNCTION_COMPLETE : TASK_DOES_NOT_EXIST;
}

/** Tasks of the unit that came before the request: one that is immediate overtakes commands (RFC 7143 §11.5.1). */
function ofUnit({ session, request }: FunctionContext): ((task: Task) => boolean) | undefined {
  if (session.nexus?.hasUnit(request.lun) !== true) return undefined;
  return (task) => sameLun(task.lun, request.lun) && isBefore(task, request);
}

function isBefore({ immediate, cmdSn }: Task, request: TaskManagementRequestPdu): boolean {
  return immediate || serialLess(cmdSn, request.cmdSn);
}

/** A function of the unit: it aborts tasks of every session (RFC 7143 §4.2.3.2). */
function unitFunction(act: (nexus: Nexus, lun: Uint8Array) => void): FunctionHandler {
  return multiTask({
    affects: ofUnit,
    abort: (context) => abortedBy(context, (nexus) => act(nexus, context.request.lun)),
    plugs: false,
  });
}

/**
 * What a function of the device server aborts. Commands of the issuing session that came after the request are spared:
 * a reset may end them (RFC 7143 §11.5.1), but their initiator would wait for their answers.
 */
function abortedBy(context: FunctionContext, act: (nexus: Nexus) => void): AbortedTasks[] {
  const { session, authority, request } = context;
  const { nexus } = session;
  if (nexus === undefined) return [];
  const isLater = (task: Task): boolean => !isBefore(task, request);
  return authority.collectAborted(session, () => session.sparing(isLater, () => act(nexus)));
}
