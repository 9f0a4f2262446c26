import { serialLess, TaskManagementFunction, type AsyncMessagePdu } from '@lunbox/iscsi-pdu';
import { decodeLun } from '@lunbox/scsi';
import createDebug from 'debug';
import { abortable } from './abortable.ts';
import type { CommandQueue } from './command-queue.ts';
import { connectionLost, isConnectionFailure, type InitiatorError } from './errors.ts';
import type { Exchanges, TaskManagementAnswer, TaskManagementRequest } from './exchanges.ts';
import type { FullFeature } from './full-feature.ts';
import type { ScsiRequest } from './request.ts';
import type { SessionConnections } from './session-connections.ts';
import type { OperationOptions } from './session-options.ts';
import { checkLevel, checkTaskManagement, endsTask, isDone, isFound } from './task-functions.ts';
import type { Task } from './task.ts';

const log = createDebug('lunbox:iscsi-initiator:session');

const { QUERY_TASK, QUERY_TASK_SET, QUERY_ASYNCHRONOUS_EVENT, I_T_NEXUS_RESET } = TaskManagementFunction;

/** A function that costs this many connections is given up. */
const MAX_TRIES = 5;

/** Values of UADE DEPTH (SAM-5 7.9). */
const DEPTHS = ['unknown', 'one', 'several', 'reserved'] as const;

/** What QUERY TASK has found (RFC 7144 §6.4.2). */
export interface TaskQuery {
  /** The command is in the task set of its unit. */
  readonly present: boolean;
  /** 24 bits that SAM-5 leaves to the unit; 0 where it says nothing more. */
  readonly additionalResponse: number;
}

/** A unit attention condition or deferred error that waits to be told (RFC 7144 §6.4.2, SAM-5 7.9). */
export interface PendingEvent {
  /** How many there are, as far as the unit says. */
  readonly count: (typeof DEPTHS)[number];
  /** Sense key, ASC and ASCQ of the first. */
  readonly senseKey: number;
  readonly asc: number;
  readonly ascq: number;
}

/** Begins something by a connection. */
export type ExchangeStart<T> = (exchanges: Exchanges, via: FullFeature) => Promise<T>;

/** What task management needs of its session. */
export interface TaskManagementHost {
  readonly connections: SessionConnections;
  readonly queue: CommandQueue;
  /** Begins something as soon as there is a connection for it. */
  exchange<T>(options: OperationOptions | undefined, start: ExchangeStart<T>): Promise<T>;
  /** Resolves at once or as soon as there is a connection again. */
  connected(): Promise<void>;
}

/** A function that has not been answered, and the commands that it ends. */
interface FunctionAtWork {
  readonly request: TaskManagementRequest;
  readonly affected: ReadonlySet<Task>;
}

/** The task management functions of a session (RFC 7143 §11.5, RFC 7144 §6). */
export class TaskManagement {
  readonly #host: TaskManagementHost;
  readonly #atWork = new Set<FunctionAtWork>();

  /** @internal Made by its session. */
  constructor(host: TaskManagementHost) {
    this.#host = host;
  }

  /**
   * Does a function; resolves when the target has done it. Commands that it ends are rejected with `INITIATOR_ABORTED`
   * (RFC 7143 §4.2.3.2). One whose answer is lost with its connection is asked for again by another connection of the
   * session, since it may have ended commands there. With a signal the waiting ends, not the function.
   *
   * @throws InitiatorError `INITIATOR_TASK_MANAGEMENT` when the target does not do it, `INITIATOR_PROTOCOL_LEVEL` for
   * the functions of RFC 7144 where level 2 was not agreed on.
   */
  async manage(request: TaskManagementRequest, options?: OperationOptions): Promise<void> {
    if (request.function === I_T_NEXUS_RESET) return this.resetNexus(options);
    checkTaskManagement(await this.#ask(request, options));
  }

  /**
   * Asks whether a command is in the task set of its unit (QUERY TASK, RFC 7144 §6.3). A command that has not been
   * sent, or has ended, is not; the target is not asked then.
   *
   * @param request - The very object that `command` or `execute` got.
   * @throws InitiatorError `INITIATOR_CONNECTION_LOST` when the connection of the command is lost: only by that one
   * may the target be asked. Else as {@link TaskManagement.manage}.
   */
  queryTask(request: ScsiRequest, { signal }: OperationOptions = {}): Promise<TaskQuery> {
    return abortable(signal, async () => {
      const order = { function: QUERY_TASK };
      const { parameters } = this.#host.connections;
      if (parameters !== undefined) checkLevel(order, parameters);
      const task = this.#host.queue.taskOf(request);
      if (task === undefined) return { present: false, additionalResponse: 0 };
      const { connection } = task;
      if (connection === undefined) throw connectionLost('the command has no connection');
      const answer = await connection.exchanges.manage(order, task);
      return { present: isFound(answer), additionalResponse: answer.additionalResponse };
    });
  }

  /**
   * True when the unit has any command of this session in its task set (QUERY TASK SET, RFC 7144 §6.3).
   *
   * @throws InitiatorError As {@link TaskManagement.manage}.
   */
  async queryTaskSet(lun: number, options?: OperationOptions): Promise<boolean> {
    return isFound(await this.#ask({ function: QUERY_TASK_SET, lun }, options));
  }

  /**
   * The unit attention condition or deferred error that the next command would be told; undefined when there is none
   * (QUERY ASYNCHRONOUS EVENT, RFC 7144 §6.3). It stays pending.
   *
   * @throws InitiatorError As {@link TaskManagement.manage}.
   */
  async queryAsynchronousEvent(lun: number, options?: OperationOptions): Promise<PendingEvent | undefined> {
    const answer = await this.#ask({ function: QUERY_ASYNCHRONOUS_EVENT, lun }, options);
    if (!isFound(answer)) return undefined;
    const bits = answer.additionalResponse;
    return {
      count: DEPTHS[(bits >> 20) & 3] as PendingEvent['count'],
      senseKey: (bits >> 16) & 0x0f,
      asc: (bits >> 8) & 0xff,
      ascq: bits & 0xff,
    };
  }

  /**
   * Resets the I_T nexus (RFC 7144 §6.3): all commands of the session end, the target forgets what it keeps for the
   * session and drops it. Resolves when there is a session again. An answer that is lost with the session is none the
   * less one (RFC 7144 §6.4.2): a login of the same initiator port resets the nexus as well (RFC 7143 §6.3.5).
   *
   * @throws InitiatorError As {@link TaskManagement.manage}, and what the new login fails with.
   */
  async resetNexus(options?: OperationOptions): Promise<void> {
    const { connections } = this.#host;
    const within: { session?: object | undefined } = {};
    try {
      checkTaskManagement(await this.#ask({ function: I_T_NEXUS_RESET }, options, within));
      if (connections.current === within.session) connections.end(connectionLost('I_T NEXUS RESET'));
    } catch (error) {
      if (!isConnectionFailure(error) || connections.current === within.session) throw error;
    }
    await abortable(options?.signal, () => this.#host.connected());
  }

  /**
   * The target ends commands of a unit and says so (RFC 7143 §11.9.1, AsyncEvent 5): no more Data-Out, and an
   * acknowledgement. The answer of a function of ours tells when they are over; for one of another session nothing
   * does, so that the target is asked about each of them.
   *
   * @internal
   */
  terminated({ lun, expCmdSn }: AsyncMessagePdu, from: FullFeature): void {
    if (from.parameters.taskReporting !== 'FastAbort')
      return log('not agreed on: TaskReporting is not FastAbort');
    const unit = decodeLun(lun);
    const ofUnit = ({ request }: Task): boolean => request.lun === unit;
    // What the target had not received then is no task of it, and nothing that could have been ended.
    const received = [...from.tasks.values()].filter(
      (task) => ofUnit(task) && serialLess(task.cmdSn, expCmdSn),
    );
    const own = [...this.#atWork].filter(({ affected }) =>
      [...affected].some((task) => task.connection === from && ofUnit(task)),
    );
    const isAffected = (task: Task): boolean => own.some(({ affected }) => affected.has(task));
    const ending = own.length === 0 ? received : received.filter(isAffected);
    for (const task of ending) task.unsent ??= [];
    from.exchanges.acknowledge(lun);
    if (own.length === 0) this.#host.queue.terminate(ending);
  }

  /** Sends a function, by another connection when its answer is lost. */
  async #ask(
    request: TaskManagementRequest,
    options: OperationOptions | undefined,
    within: { session?: object | undefined } = {},
  ): Promise<TaskManagementAnswer> {
    const { connections } = this.#host;
    for (let tries = 1, lost: InitiatorError | undefined; ; tries++) {
      try {
        return await this.#host.exchange(options, (_, via) => {
          // With the session all its commands have ended, too.
          if (lost !== undefined && within.session !== connections.current) throw lost;
          checkLevel(request, via.parameters);
          within.session = connections.current;
          return this.#carryOut(request, via);
        });
      } catch (error) {
        const { session } = within;
        const again = tries < MAX_TRIES && session !== undefined && session === connections.current;
        if (!again || !isConnectionFailure(error)) throw error;
        lost = error;
      }
    }
  }

  async #carryOut(request: TaskManagementRequest, via: FullFeature): Promise<TaskManagementAnswer> {
    const tasks = this.#host.connections.members.flatMap((member) => [...member.tasks.values()]);
    const affected = tasks.filter((task) => endsTask(request, task));
    const atWork = { request, affected: new Set(affected) };
    this.#atWork.add(atWork);
    // RFC 7143 §4.2.3.4 a): from the request on, by the connection that it goes by.
    if (via.parameters.taskReporting === 'FastAbort') {
      for (const task of affected) if (task.connection === via) task.unsent ??= [];
    }
    let answer: TaskManagementAnswer | undefined;
    try {
      answer = await via.exchanges.manage(request);
      return answer;
    } finally {
      this.#atWork.delete(atWork);
      if (answer !== undefined) this.#answered(affected, isDone(answer));
    }
  }

  /** RFC 7143 §4.2.3.3 c), §4.2.3.4 d): the answer ends what has not ended; what is not done has ended nothing. */
  #answered(affected: readonly Task[], done: boolean): void {
    for (const task of affected) {
      const { connection } = task;
      if (connection === undefined || task.ended) continue;
      if (done) connection.tasks.drop(task);
      else if (![...this.#atWork].some((other) => other.affected.has(task))) connection.transfer.resume(task);
    }
  }
}
