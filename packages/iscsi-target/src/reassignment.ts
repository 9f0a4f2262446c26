import { TaskManagementResult } from '@lunbox/iscsi-pdu';
import type { FunctionHandler } from './task-management.ts';

const { FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST, TASK_STILL_ALLEGIANT } = TaskManagementResult;
const { REASSIGNMENT_NOT_SUPPORTED, FUNCTION_REJECTED } = TaskManagementResult;

/** TASK REASSIGN (RFC 7143 §7.2.2, §11.5.1): a task whose connection is gone goes on by the one of the request. */
export const reassignTask: FunctionHandler = (context) => {
  const { session, request, runner, answer } = context;
  // A fence keeps back what the task would send (RFC 7143 §4.2.2.3.3 d).
  if (session.fence.raised) return session.fence.hold(() => reassignTask(context));
  const tag = request.referencedTaskTag;
  if (session.parameters.errorRecoveryLevel < 2) return answer(REASSIGNMENT_NOT_SUPPORTED);
  // RFC 7143 §11.5.1: it is immediate, and neither task management, nor text, nor logout can be reassigned.
  if (!request.immediate || session.holdsRequest(tag)) return answer(FUNCTION_REJECTED);
  const task = session.whereabouts(tag);
  if (task === 'unknown') return answer(TASK_DOES_NOT_EXIST);
  if (task === 'allegiant') return answer(TASK_STILL_ALLEGIANT);
  // RFC 7143 §11.6: the answer goes before anything of the task.
  answer(FUNCTION_COMPLETE);
  session.departed.release(task);
  runner.resume(task, request.expDataSn);
};
