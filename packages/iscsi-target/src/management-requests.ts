import { TaskManagementResult, type TaskManagementRequestPdu } from '@lunbox/iscsi-pdu';
import { manageTasks, type Answer, type FunctionContext } from './task-management.ts';

/** Requests of one connection that may wait for something at a time. */
const OPEN_LIMIT = 64;

/** What all requests of one connection have in common. */
export type ManagementContext = Omit<FunctionContext, 'request' | 'answer' | 'answerAlone'>;

/** Task management requests of one connection (RFC 7143 §11.5) that are not answered yet, and their answers. */
export class ManagementRequests {
  readonly #context: ManagementContext;
  readonly #open = new Set<number>();

  constructor(context: ManagementContext) {
    this.#context = context;
  }

  /** True when the tag is that of a request that is not answered. */
  holds(initiatorTaskTag: number): boolean {
    return this.#open.has(initiatorTaskTag);
  }

  /** Carries a request out whose turn has come; the answer may come later. */
  carryOut(request: TaskManagementRequestPdu): void {
    const { initiatorTaskTag } = request;
    const { from, session } = this.#context;
    const { connection } = from;
    const send = (response: number, additionalResponse = 0): void => {
      this.#open.delete(initiatorTaskTag);
      if (connection.ended) return;
      const { statSn, expCmdSn, maxCmdSn } = connection.numbers();
      const numbers = { initiatorTaskTag, statSn, expCmdSn, maxCmdSn };
      connection.send({ type: 'task-management-response', response, additionalResponse, ...numbers });
    };
    const answer: Answer = (...response) => {
      if (session.fence.raised) session.fence.hold(() => answer(...response));
      else send(...response);
    };
    const answerAlone = (response: number, sent: () => void): void =>
      session.fence.send(from, () => {
        send(response);
        sent();
      });
    if (this.#open.size >= OPEN_LIMIT) return answer(TaskManagementResult.FUNCTION_REJECTED);
    this.#open.add(initiatorTaskTag);
    manageTasks({ ...this.#context, request, answer, answerAlone });
  }
}
