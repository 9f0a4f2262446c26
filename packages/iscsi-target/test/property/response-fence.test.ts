import fc from 'fast-check';
import { TaskManagementFunction, type InitiatorPdu, type TargetPdu } from '@lunbox/iscsi-pdu';
import { expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, joinSession, loggedIn, type TestInitiator } from '../support/initiator.ts';
import { acknowledgement, taskManagement } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const CONNECTIONS = 3;

/** Histories for each kind of reporting; the long suite sets a higher number. */
const HISTORIES = Number(process.env['LUNBOX_FUZZ_FENCES'] ?? 60);

/** What the test did: a command, an ABORT TASK SET, an acknowledgement of all that has come by a connection. */
const step = fc.record({
  act: fc.constantFrom<'read' | 'status' | 'abort' | 'acknowledge'>(
    'read',
    'read',
    'status',
    'status',
    'abort',
    'acknowledge',
    'acknowledge',
  ),
  by: fc.nat(CONNECTIONS - 1),
});

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** One session of several connections, and what it has seen. */
class Session {
  readonly connections: TestInitiator[] = [];
  /** The next StatSN that each connection acknowledges; what comes is not acknowledged by itself. */
  readonly acknowledged: number[] = [];
  /** The StatSN after the latest response of each connection. */
  readonly responded: number[] = [];
  /** Commands without status, in their order. */
  readonly open = new Set<number>();
  readonly aborting = new Set<number>();
  /** Commands that had no status when an abortion was sent: they may never have one. */
  readonly affected = new Set<number>();
  /** The connection on which an answer to an abortion is not acknowledged yet. */
  fenced: number | undefined = undefined;

  async begin(engine: TargetEngine, TaskReporting: string): Promise<void> {
    for (let cid = 0; cid < CONNECTIONS; cid++) {
      const connection =
        cid === 0
          ? await loggedIn(engine, { MaxConnections: '4', TaskReporting })
          : (await joinSession(this.#first, { cid })).joined;
      this.connections.push(connection);
      this.acknowledged.push(0);
      this.responded.push(0);
    }
    for (let cid = 0; cid < CONNECTIONS; cid++) await this.acknowledge(cid);
  }

  get #first(): TestInitiator {
    return this.connections[0] as TestInitiator;
  }

  async act({ act, by }: Step): Promise<void> {
    const expStatSn = this.acknowledged[by]!;
    if (act === 'acknowledge') return this.acknowledge(by);
    if (act === 'abort') {
      const fields = { function: TaskManagementFunction.ABORT_TASK_SET, expStatSn };
      const request = taskManagement(this.#first, fields);
      this.aborting.add(request.initiatorTaskTag);
      for (const tag of this.open) this.affected.add(tag);
      return this.#send(by, request);
    }
    const command =
      act === 'read' ? this.#first.read10(0, 1, { expStatSn }) : this.#first.command([0], { expStatSn });
    this.open.add(command.initiatorTaskTag);
    return this.#send(by, command);
  }

  /** Acknowledges all that has come by a connection. */
  async acknowledge(by: number): Promise<void> {
    const connection = this.connections[by]!;
    const pdus = await connection.settle();
    this.#take(by, pdus);
    this.acknowledged[by] = connection.expStatSn;
    if (this.fenced === by) this.fenced = undefined;
    await this.#send(by, { ...acknowledgement(connection), cmdSn: this.#first.cmdSn });
  }

  async #send(by: number, pdu: InitiatorPdu): Promise<void> {
    this.#take(by, await this.connections[by]!.send(pdu));
    for (const [at, connection] of this.connections.entries()) this.#take(at, await connection.settle());
  }

  #take(at: number, pdus: readonly TargetPdu[]): void {
    for (const pdu of pdus) {
      // Pings and messages are no responses of the SCSI layer.
      if (pdu.type === 'nop-in' || pdu.type === 'async-message') continue;
      // Nothing passes an answer to an abortion that is not acknowledged.
      expect(this.fenced).toBeUndefined();
      const tag = (pdu as { initiatorTaskTag: number }).initiatorTaskTag;
      if (pdu.type === 'task-management-response') {
        this.#aborted(at, tag, pdu.statSn);
        continue;
      }
      expect(this.open.delete(tag)).toBe(true);
      this.responded[at] = (pdu as { statSn: number }).statSn + 1;
    }
  }

  #aborted(at: number, tag: number, statSn: number): void {
    expect(this.aborting.delete(tag)).toBe(true);
    // Every response that came before, by whatever connection, has been acknowledged.
    for (const [index, responded] of this.responded.entries()) {
      expect(this.acknowledged[index]).toBeGreaterThanOrEqual(responded);
    }
    this.responded[at] = statSn + 1;
    this.fenced = at;
  }
}

it.each(['RFC3720', 'ResponseFence', 'FastAbort'])(
  'no response passes a fence in either direction, and none is lost, with %s (RFC 7143 §4.2.2.3)',
  async (taskReporting) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }]);
        const session = new Session();
        await session.begin(engine, taskReporting);
        for (const one of steps) await session.act(one);
        for (let round = 0; round < 2 * steps.length + 2; round++) {
          for (let by = 0; by < CONNECTIONS; by++) await session.acknowledge(by);
        }
        expect(session.aborting.size).toBe(0);
        expect(engine.sessions[0]!.tasks).toBe(0);
        for (const tag of session.open) expect(session.affected).toContain(tag);
      }),
      { numRuns: HISTORIES },
    );
  },
  60_000 + HISTORIES * 500,
);
