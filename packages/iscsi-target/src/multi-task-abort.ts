import { TaskManagementResult } from '@lunbox/iscsi-pdu';
import { announceTaskTermination } from './async-message.ts';
import type { Connection } from './connection.ts';
import type { Session } from './session.ts';
import type { FunctionContext, FunctionHandler } from './task-management.ts';
import { whenAllEnded, type Task } from './task.ts';

/**
 * How long open R2Ts are waited for. RFC 7143 §4.2.3.3 a) sets no end, but an initiator that stops to answer them must
 * not hold up its own request (T-K4): what it sends later is thrown away.
 */
const DRAIN_MS = 2000;

/** What a function has done to one session. */
export interface AbortedTasks {
  readonly session: Session;
  readonly tasks: readonly Task[];
  /** Those, and tasks aborted before, that a device still works for. */
  readonly atWork: readonly Task[];
}

/** True for a task that a function affects. */
type Affects = (task: Task) => boolean;

/** A function that aborts several tasks at once. */
export interface MultiTaskFunction {
  /** Which tasks of the issuing session it affects; undefined when there is no such unit (RFC 7143 §4.2.3.2). */
  affects(context: FunctionContext): Affects | undefined;
  /** Aborts them, and others, and tells by session what has become of them. */
  abort(context: FunctionContext, affects: Affects): readonly AbortedTasks[];
  /** It is for the whole target: commands that have not come yet are as good as received. */
  readonly plugs: boolean;
  /** What is left to do when the answer is out. */
  afterwards?(context: FunctionContext): void;
}

/**
 * Carries a function out in the order of RFC 7143 §4.2.3.3 and, where FastAbort was agreed on, §4.2.3.4: commands
 * before it have come, their R2Ts are answered (not with FastAbort), tasks are aborted, other connections hear of it
 * (FastAbort), and the answer goes when all that is over and acknowledged.
 */
export function multiTask(kind: MultiTaskFunction): FunctionHandler {
  return (context) => {
    const { session, request, answer } = context;
    const affects = kind.affects(context);
    if (affects === undefined) return answer(TaskManagementResult.LUN_DOES_NOT_EXIST);
    if (kind.plugs) session.plug(request.cmdSn);
    session.whenReceived(request.cmdSn, () => {
      const fast = session.parameters.taskReporting === 'FastAbort';
      const tasks = fast ? [] : [...session.tasks.values()].filter(affects);
      // Tasks that one request aborts may be what another one waits for.
      whenDrained(tasks, context, () => context.authority.inTurn(() => carryOut(kind, context, affects)));
    });
  };
}

/** Lets the open R2Ts of the tasks be answered, and sends no more of them. */
function whenDrained(tasks: readonly Task[], { session, from }: FunctionContext, done: () => void): void {
  const open = new Set(tasks.filter(({ transfer }) => transfer?.soliciting === true));
  if (open.size === 0) return done();
  const callOff = session.alarms.set(from.connection.nowMs + DRAIN_MS, () => {
    open.clear();
    done();
  });
  for (const task of [...open]) {
    task.transfer?.windDown(() => {
      if (!open.delete(task) || open.size > 0) return;
      callOff();
      done();
    });
  }
}

function carryOut(kind: MultiTaskFunction, context: FunctionContext, affects: Affects): void {
  const { session, from, answerAlone } = context;
  if (!session.open) return;
  const aborted = kind.abort(context, affects);
  // Their status went by a connection that is gone: it must not be asked for after the answer (§4.2.3.3).
  session.departed.forget(affects);
  for (const { session: affected, tasks } of aborted) {
    // RFC 7143 §4.2.3.5: where FastAbort was not agreed on, nobody is told.
    if (affected.parameters.taskReporting === 'FastAbort') announce(tasks, from.connection);
  }
  whenAllEnded(
    aborted.flatMap(({ atWork }) => atWork),
    () => answerAlone(TaskManagementResult.FUNCTION_COMPLETE, () => kind.afterwards?.(context)),
  );
}

/** One message for each unit on each connection that had tasks of it, but for the one that asked (§4.2.3.4 d). */
function announce(tasks: readonly Task[], issuing: Connection): void {
  const told = new Map<Connection, Set<string>>();
  for (const { connection, lun } of tasks) {
    const luns = told.get(connection) ?? new Set<string>();
    told.set(connection, luns);
    const key = lun.join();
    if (connection === issuing || connection.ended || luns.has(key)) continue;
    luns.add(key);
    announceTaskTermination(connection, lun);
  }
}
