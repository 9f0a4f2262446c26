import { TaskManagementFunction, TaskManagementResult } from '@lunbox/iscsi-pdu';
import { InitiatorError } from './errors.ts';
import type { TaskManagementAnswer, TaskManagementRequest } from './exchanges.ts';
import type { SessionParameters } from './parameters.ts';
import type { Task } from './task.ts';

const { FUNCTION_COMPLETE, FUNCTION_SUCCEEDED } = TaskManagementResult;

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

/** The functions that RFC 7144 §6.3 adds. */
const LEVEL_2_FUNCTIONS = new Set<number>([
  TaskManagementFunction.QUERY_TASK,
  TaskManagementFunction.QUERY_TASK_SET,
  TaskManagementFunction.I_T_NEXUS_RESET,
  TaskManagementFunction.QUERY_ASYNCHRONOUS_EVENT,
]);

/** True when a function that is done has ended this task (RFC 7143 §4.2.3.2, RFC 7144 §6.5). */
export function endsTask(request: TaskManagementRequest, task: Task): boolean {
  if (TARGET_FUNCTIONS.has(request.function)) return true;
  if (task.request.lun !== (request.lun ?? 0)) return false;
  // SAM-5 7.3: it ends what deals with the ACA condition.
  if (request.function === TaskManagementFunction.CLEAR_ACA) return task.request.attribute === 'aca';
  return UNIT_FUNCTIONS.has(request.function);
}

/** True when the function was done. */
export function isDone({ response }: TaskManagementAnswer): boolean {
  return response === FUNCTION_COMPLETE || response === FUNCTION_SUCCEEDED;
}

/** @throws InitiatorError `INITIATOR_TASK_MANAGEMENT` unless the function was done. */
export function checkTaskManagement(answer: TaskManagementAnswer): void {
  const { response } = answer;
  if (!isDone(answer)) throw new InitiatorError({ code: 'INITIATOR_TASK_MANAGEMENT', response });
}

/** What a query has found, true or false; it throws like {@link checkTaskManagement}. */
export function isFound(answer: TaskManagementAnswer): boolean {
  checkTaskManagement(answer);
  return answer.response === FUNCTION_SUCCEEDED;
}

/**
 * RFC 7144 §6.3: its functions must not be sent unless their level was agreed on.
 *
 * @throws InitiatorError `INITIATOR_PROTOCOL_LEVEL`.
 */
export function checkLevel(request: TaskManagementRequest, { protocolLevel }: SessionParameters): void {
  if (protocolLevel >= 2 || !LEVEL_2_FUNCTIONS.has(request.function)) return;
  throw new InitiatorError({ code: 'INITIATOR_PROTOCOL_LEVEL', needed: 2, agreed: protocolLevel });
}
