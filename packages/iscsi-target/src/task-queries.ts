import {
  TaskManagementFunction,
  TaskManagementResult,
  type TaskManagementRequestPdu,
} from '@lunbox/iscsi-pdu';
import { SenseKey } from '@lunbox/scsi';
import type { Session } from './session.ts';
import type { FunctionContext, FunctionHandler } from './task-management.ts';
import { sameLun } from './lun.ts';
import { multiTask } from './multi-task-abort.ts';

const { FUNCTION_COMPLETE, FUNCTION_SUCCEEDED, FUNCTION_REJECTED, LUN_DOES_NOT_EXIST } = TaskManagementResult;

/** The functions that RFC 7144 §6.3 adds, for sessions that agreed on iSCSIProtocolLevel 2. */
export const LEVEL_2_FUNCTIONS: Readonly<Record<number, FunctionHandler>> = {
  [TaskManagementFunction.QUERY_TASK]: queryTask,
  [TaskManagementFunction.QUERY_TASK_SET]: queryTaskSet,
  // RFC 7144 §6.3, §6.5: the nexus loses all its tasks, and after the answer its connections.
  [TaskManagementFunction.I_T_NEXUS_RESET]: multiTask({
    affects: () => () => true,
    abort: ({ session }, affects) => {
      const tasks = session.abort(affects);
      return [{ session, tasks, atWork: session.remnants.select(affects) }];
    },
    plugs: false,
    afterwards: ({ session, authority }) =>
      authority.endSession(session, ({ connection }) => connection.finish()),
  }),
  [TaskManagementFunction.QUERY_ASYNCHRONOUS_EVENT]: queryAsynchronousEvent,
};

function queryTask({ session, request, answer }: FunctionContext): void {
  const { referencedTaskTag: tag, initiatorTaskTag } = request;
  const task = session.tasks.get(tag);
  // RFC 7144 §6.3: task management is not queried.
  const manages = task === undefined && tag !== initiatorTaskTag && session.holdsRequest(tag);
  if (manages) return answer(FUNCTION_REJECTED);
  const there = task !== undefined && sameLun(task.lun, request.lun);
  answer(there ? FUNCTION_SUCCEEDED : FUNCTION_COMPLETE);
}

function queryTaskSet({ session, request, answer }: FunctionContext): void {
  if (!hasUnit(session, request)) return answer(LUN_DOES_NOT_EXIST);
  const any = [...session.tasks.values()].some((task) => sameLun(task.lun, request.lun));
  answer(any ? FUNCTION_SUCCEEDED : FUNCTION_COMPLETE);
}

/** RFC 7144 §6.4.2: is a unit attention pending? If so, SAM-5 7.9 says what the answer tells of it. */
function queryAsynchronousEvent({ session, request, answer }: FunctionContext): void {
  if (!hasUnit(session, request)) return answer(LUN_DOES_NOT_EXIST);
  const pending = session.nexus?.pendingAttention(request.lun);
  if (pending === undefined) return answer(FUNCTION_COMPLETE);
  // UADE DEPTH (1: one condition, 2: more) and the sense key, then ASC and ASCQ.
  const depth = pending.count > 1 ? 2 : 1;
  answer(
    FUNCTION_SUCCEEDED,
    (((depth << 4) | SenseKey.UNIT_ATTENTION) << 16) | (pending.asc << 8) | pending.ascq,
  );
}

function hasUnit(session: Session, request: TaskManagementRequestPdu): boolean {
  return session.nexus?.hasUnit(request.lun) ?? false;
}
