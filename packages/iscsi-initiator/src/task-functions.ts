import { TaskManagementFunction, TaskManagementResult } from '@lunbox/iscsi-pdu';
import { InitiatorError } from './errors.ts';
import type { TaskManagementRequest } from './exchanges.ts';
import type { Task } from './task.ts';

const UNIT_FUNCTIONS = new Set<number>([
  TaskManagementFunction.ABORT_TASK_SET,
  TaskManagementFunction.CLEAR_TASK_SET,
  TaskManagementFunction.LOGICAL_UNIT_RESET,
]);

const TARGET_FUNCTIONS = new Set<number>([
  TaskManagementFunction.TARGET_WARM_RESET,
  TaskManagementFunction.TARGET_COLD_RESET,
  TaskManagementFunction.I_T_NEXUS_RESET,
]);

/** True when a function that is done has ended this task (RFC 7143 §4.2.3.2). */
export function endsTask(request: TaskManagementRequest, task: Task): boolean {
  if (TARGET_FUNCTIONS.has(request.function)) return true;
  return UNIT_FUNCTIONS.has(request.function) && task.request.lun === (request.lun ?? 0);
}

/** @throws InitiatorError `INITIATOR_TASK_MANAGEMENT` unless the function was done. */
export function checkTaskManagement(response: number): void {
  const done =
    response === TaskManagementResult.FUNCTION_COMPLETE ||
    response === TaskManagementResult.FUNCTION_SUCCEEDED;
  if (!done) throw new InitiatorError({ code: 'INITIATOR_TASK_MANAGEMENT', response });
}
