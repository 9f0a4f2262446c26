import {
  LoginStatus,
  LogoutReason,
  NO_TTT,
  RESERVED_TAG,
  RejectReason,
  SnackType,
  decodeText,
  encodeText,
  serializePdu,
  type TextRequestPdu,
} from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { SessionOptions } from '../../src/index.ts';
import { ScriptedTarget, agreement, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);

async function opened(options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  target.command = () => undefined;
  const session = await target.open(options);
  return { target, session, connection: target.connection };
}

describe('Login Request (RFC 7143 §11.12)', () => {
  it('is the first thing that goes out, names both ends, and asks for version 0 and a new session', async () => {
    const { connection } = await opened();
    expect(connection.received[0]?.type).toBe('login-request');
    const requests = connection.sent('login-request');
    expect(Object.fromEntries(decodeText(requests[0]!.data))).toMatchObject({
      InitiatorName: expect.stringMatching(/^iqn\./),
      TargetName: expect.stringMatching(/^iqn\./),
      AuthMethod: 'None',
    });
    for (const request of requests) {
      expect(request).toMatchObject({ versionMax: 0, versionMin: 0, tsih: 0, cid: requests[0]!.cid });
      expect(request.transit && request.continue).toBe(false);
      expect(request.isid).toEqual(requests[0]!.isid);
    }
  });

  it('of another connection has the TSIH of the session and a CID of its own, the same in all of them', async () => {
    const { target } = await opened({ connections: 2 });
    await settle();
    for (const [at, connection] of target.connections.entries()) {
      for (const request of connection.sent('login-request')) {
        expect(request).toMatchObject({ cid: at, tsih: at === 0 ? 0 : 1, versionMax: 0, versionMin: 0 });
      }
    }
  });

  it('has an ISID of type 10b, whose rest is random: no vendor’s number is used', async () => {
    const { connection } = await opened();
    const { isid } = connection.sent('login-request')[0]!;
    expect(isid).toHaveLength(6);
    expect(isid[0]! >> 6).toBe(0b10);
  });
});

describe('Login Response (RFC 7143 §11.13)', () => {
  it.each([LoginStatus.TARGET_MOVED_TEMPORARILY, LoginStatus.TARGET_MOVED_PERMANENTLY])(
    'that redirects (%d) is followed, before or after the security stage',
    async (status) => {
      for (const at of [1, 2]) {
        const target = new ScriptedTarget();
        target.login = (keys, count, portal) =>
          count === at && portal.port === 3260
            ? { status, keys: { TargetAddress: 'elsewhere.example:3261,1' } }
            : { keys: agreement(keys) };
        const session = await target.open();
        expect(session.portal).toEqual({ host: 'elsewhere.example', port: 3261 });
        expect(target.connections[0]!.ended).toBe(true);
      }
    },
  );

  it.each([LoginStatus.INITIATOR_ERROR, LoginStatus.NOT_FOUND, LoginStatus.SERVICE_UNAVAILABLE])(
    'with status %d ends the connection',
    async (status) => {
      const target = new ScriptedTarget();
      target.login = () => ({ status });
      await expect(target.open()).rejects.toMatchObject({ code: 'INITIATOR_LOGIN_REFUSED' });
      expect(target.connection.ended).toBe(true);
    },
  );

  it.each([0x0b, RejectReason.PROTOCOL_ERROR])(
    'is the only answer to a login: a Reject (reason %d) ends it, and the connection',
    async (reason) => {
      const target = new ScriptedTarget();
      target.answer = (connection) => {
        connection.say({
          type: 'reject',
          reason,
          dataSn: 0,
          data: new Uint8Array(48),
          ...connection.numbers(),
        });
      };
      await expect(target.open()).rejects.toMatchObject({ code: 'INITIATOR_PROTOCOL' });
      expect(target.connection.ended).toBe(true);
    },
  );

  it('may not be anything else: any other PDU during the login ends the connection', async () => {
    const target = new ScriptedTarget();
    target.answer = (connection) => {
      const tags = { initiatorTaskTag: RESERVED_TAG, targetTransferTag: 5 };
      connection.say({ type: 'nop-in', lun: NO_LUN, ...tags, data: EMPTY, ...connection.numbers() });
    };
    await expect(target.open()).rejects.toMatchObject({ code: 'INITIATOR_PROTOCOL' });
    expect(target.connection.ended).toBe(true);
  });
});

describe('Text Request (RFC 7143 §11.10, §11.11)', () => {
  const TEXT = encodeText([['TargetName', 'iqn.2026-11.io.lunbox:long']]);
  const LUN = Uint8Array.of(0, 6, 0, 0, 0, 0, 0, 0);

  function reply(
    connection: ScriptedConnection,
    { initiatorTaskTag }: TextRequestPdu,
    fields: { final: boolean; goesOn?: boolean; tag: number; data: Uint8Array },
  ): void {
    const { final, goesOn = false, tag: targetTransferTag, data } = fields;
    const tags = { lun: LUN, initiatorTaskTag, targetTransferTag };
    connection.say({
      type: 'text-response',
      final,
      continue: goesOn,
      ...tags,
      data,
      ...connection.numbers(),
    });
  }

  it('keeps its task tag and I bit, and goes on with the tag and LUN of the response', async () => {
    const { session, connection } = await opened();
    const answer = session.text([['SendTargets', 'All']]);
    await settle();
    const [first] = connection.sent('text-request');
    expect(first).toMatchObject({ final: true, continue: false, targetTransferTag: NO_TTT });
    reply(connection, first!, { final: false, goesOn: true, tag: 41, data: TEXT.subarray(0, 9) });
    await settle();
    const [, second] = connection.sent('text-request');
    const { initiatorTaskTag, immediate } = first!;
    expect(second).toMatchObject({
      targetTransferTag: 41,
      lun: LUN,
      initiatorTaskTag,
      immediate,
      data: EMPTY,
    });
    // With the F bit set the tag means nothing.
    reply(connection, second!, { final: true, tag: 99, data: TEXT.subarray(9) });
    expect(await answer).toEqual([['TargetName', 'iqn.2026-11.io.lunbox:long']]);
    expect(connection.sent('text-request')).toHaveLength(2);
  });

  it('is never longer than the target takes: it goes on with the C bit, and then without the F bit', async () => {
    const { session, connection } = await opened();
    const pairs = [['X-com.example.long', 'y'.repeat(9000)]] as const;
    const answer = session.text(pairs);
    await settle();
    const [first] = connection.sent('text-request');
    expect(first).toMatchObject({ final: false, continue: true });
    reply(connection, first!, { final: false, tag: 7, data: EMPTY });
    await settle();
    const [, second] = connection.sent('text-request');
    expect(second).toMatchObject({ final: true, continue: false, targetTransferTag: 7, lun: LUN });
    reply(connection, second!, { final: true, tag: NO_TTT, data: TEXT });
    expect(await answer).toHaveLength(1);
    const sent = connection.sent('text-request').map(({ data }) => data);
    expect(sent.map(({ length }) => length <= 8192)).toEqual([true, true]);
    expect(decodeText(Buffer.concat(sent))).toEqual(pairs);
  });

  it('is one at a time: a further one waits until the first is answered', async () => {
    const { session, connection } = await opened();
    const answers = [session.text([['SendTargets', '']]), session.text([['SendTargets', 'All']])];
    await settle();
    for (const count of [1, 2]) {
      const requests = connection.sent('text-request');
      expect(requests).toHaveLength(count);
      reply(connection, requests.at(-1)!, { final: true, tag: NO_TTT, data: TEXT });
      await settle();
    }
    expect(await Promise.all(answers)).toHaveLength(2);
  });

  it('that waits fails with its connection', async () => {
    const { session, connection } = await opened({ reconnect: { timeoutMs: 0 } });
    const answers = [session.text([]), session.text([])].map((answer) =>
      expect(answer).rejects.toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' }),
    );
    await settle();
    connection.cut('reset');
    await Promise.all(answers);
    expect(connection.sent('text-request')).toHaveLength(1);
  });
});

describe('logout (RFC 7143 §11.14)', () => {
  it('is the last request of its session, and ends all connections', async () => {
    const { target, session } = await opened({ connections: 2 });
    await settle();
    const closing = session.close();
    await expect(session.command({ lun: 0, cdb: CDB })).rejects.toMatchObject({ code: 'INITIATOR_CLOSED' });
    await closing;
    const last = target.connections.flatMap(({ received }) => received.slice(-1));
    expect(last.filter(({ type }) => type === 'logout-request')).toMatchObject([
      { reason: LogoutReason.CLOSE_SESSION },
    ]);
    expect(target.connections.map(({ ended }) => ended)).toEqual([true, true]);
  });

  it('has no data', async () => {
    const { session, connection } = await opened();
    await session.close();
    const [request] = connection.sent('logout-request');
    expect(serializePdu(request!, { header: false, data: false })).toHaveLength(48);
  });

  it('cleans a failing connection up before it is recovered from, or a login takes its place', async () => {
    const { target } = await opened({ connections: 2, errorRecoveryLevel: 2 });
    await settle();
    const [first, second] = target.connections;
    second!.cut('reset');
    await target.pass(200);
    expect(first!.sent('logout-request')).toMatchObject([{ cid: 1 }]);
    first!.cut('reset');
    await target.pass(1000);
    expect(target.connections.at(-1)!.sent('login-request').length).toBeGreaterThan(0);
  });
});

describe('SNACK (RFC 7143 §11.16)', () => {
  const data = Uint8Array.from({ length: 12 }, (_, at) => at);

  async function reading() {
    const { target, session, connection } = await opened({ errorRecoveryLevel: 1 });
    const into = new Uint8Array(12);
    const ended = session.command({ lun: 0, cdb: CDB, read: [into] });
    await settle();
    const [command] = connection.sent('scsi-command');
    const piece = (dataSn: number, fields = {}) =>
      connection.dataIn(
        command!,
        { bufferOffset: 4 * dataSn, dataSn, final: dataSn === 2, hasStatus: false, ...fields },
        data.subarray(4 * dataSn, 4 * dataSn + 4),
      );
    const snacks = async () => {
      await settle();
      return connection.sent('snack');
    };
    return { target, session, connection, command: command!, piece, snacks, ended, into };
  }

  it('for data names its command and no transfer tag, and comes before the status is acknowledged', async () => {
    const { connection, command, piece, snacks, ended, session, into } = await reading();
    const before = connection.sent('nop-out').length;
    piece(0);
    piece(2);
    connection.respond(command);
    const { initiatorTaskTag } = command;
    const [snack] = await snacks();
    expect(snack).toMatchObject({
      snackType: SnackType.DATA_OR_R2T,
      initiatorTaskTag,
      targetTransferTag: RESERVED_TAG,
      begRun: 1,
      runLength: 1,
    });
    expect(snack!.expStatSn).toBe(connection.statSn - 1);
    await session.ping();
    expect(connection.sent('nop-out')[before]).toMatchObject({ expStatSn: connection.statSn - 2 });
    piece(1);
    await expect(ended).resolves.toMatchObject({ status: 0 });
    expect([...into]).toEqual([...data]);
  });

  it('that acknowledges data waits for the holes, and what it acknowledged is never asked for again', async () => {
    const { connection, command, piece, snacks, ended } = await reading();
    const asks = { acknowledge: true, targetTransferTag: 31, lun: NO_LUN };
    piece(1, asks);
    expect(await snacks()).toMatchObject([{ snackType: SnackType.DATA_OR_R2T, begRun: 0, runLength: 1 }]);
    piece(0);
    expect((await snacks()).slice(1)).toMatchObject([
      {
        snackType: SnackType.DATA_ACK,
        initiatorTaskTag: RESERVED_TAG,
        targetTransferTag: 31,
        lun: NO_LUN,
        begRun: 2,
        runLength: 0,
      },
    ]);
    connection.respond(command);
    for (const { snackType, begRun } of (await snacks()).slice(2)) {
      if (snackType === SnackType.DATA_OR_R2T) expect(begRun).toBeGreaterThanOrEqual(2);
    }
    piece(2);
    await expect(ended).resolves.toMatchObject({ status: 0 });
  });

  it('goes by the connection of its command', async () => {
    const { target, session } = await opened({ connections: 2, errorRecoveryLevel: 1 });
    await settle();
    for (const lun of [0, 1]) {
      session.command({ lun, cdb: CDB, read: [new Uint8Array(8)] }).catch(() => undefined);
    }
    await settle();
    for (const connection of target.connections) {
      const [command] = connection.sent('scsi-command');
      const place = { bufferOffset: 4, dataSn: 1, final: true, hasStatus: false };
      connection.dataIn(command!, place, data.subarray(0, 4));
      await settle();
      const { initiatorTaskTag } = command!;
      expect(connection.sent('snack')).toMatchObject([{ initiatorTaskTag, begRun: 0, runLength: 1 }]);
    }
  });

  it('for a status has no task tag', async () => {
    const { connection, command, piece, snacks } = await reading();
    for (const dataSn of [0, 1, 2]) piece(dataSn);
    connection.statSn++;
    connection.respond(command);
    expect(await snacks()).toMatchObject([
      {
        snackType: SnackType.STATUS,
        initiatorTaskTag: RESERVED_TAG,
        targetTransferTag: RESERVED_TAG,
        begRun: connection.statSn - 2,
        runLength: 1,
      },
    ]);
  });
});
