import { AsyncEvent, joinSense, LoginStatus, NO_TTT, RESERVED_TAG, RejectReason } from '@lunbox/iscsi-pdu';
import { encodeDescriptorSense, encodeFixedSense, Status, type SenseData } from '@lunbox/scsi';
import { describe, expect, it } from 'vitest';
import { MAX_REDIRECTS } from '../../src/index.ts';
import { PORTAL, ScriptedTarget, settle } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);

describe('numbers of a session (RFC 7143 §4.2.2)', () => {
  it('T-K10: pings are immediate and do not use up a CmdSN', async () => {
    const target = new ScriptedTarget();
    const session = await target.open();
    await session.ping();
    await session.command({ lun: 0, cdb: CDB });
    expect(target.connection.sent('nop-out')).toMatchObject([{ immediate: true, cmdSn: 1 }]);
    expect(target.connection.sent('scsi-command')).toMatchObject([{ immediate: false, cmdSn: 1 }]);
  });

  it('T-N5: commands wait while the window is closed, and go when it opens', async () => {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    const session = await target.open();
    const { connection } = target;
    const commands = Array.from({ length: 70 }, () => session.command({ lun: 0, cdb: CDB }));
    await settle();
    expect(connection.sent('scsi-command')).toHaveLength(64);
    connection.maxCmdSn = 66;
    connection.respond(connection.sent('scsi-command')[0]!);
    await settle();
    expect(
      connection
        .sent('scsi-command')
        .map(({ cmdSn }) => cmdSn)
        .slice(-2),
    ).toEqual([65, 66]);
    await expect(commands[0]).resolves.toMatchObject({ status: 0 });
    for (const command of commands.slice(1)) command.catch(() => undefined);
  });

  it('acknowledges every status', async () => {
    const target = new ScriptedTarget();
    const session = await target.open();
    await session.command({ lun: 0, cdb: CDB });
    await session.command({ lun: 0, cdb: CDB });
    const [first, second] = target.connection.sent('scsi-command');
    expect(second!.expStatSn).toBe(first!.expStatSn + 1);
  });

  it('ends a connection on which a status is missing', async () => {
    const target = new ScriptedTarget();
    const session = await target.open();
    target.command = (connection, pdu) => {
      connection.statSn++;
      connection.respond(pdu);
    };
    await expect(session.command({ lun: 0, cdb: CDB })).rejects.toMatchObject({ code: 'INITIATOR_PROTOCOL' });
  });

  it.each([
    [17, 'None', 0],
    [32, 'None', 512],
    [32, 'CRC32C', 512],
    [260, 'CRC32C', 0],
  ])(
    'sends a CDB of %i bytes whole (RFC 7143 §11.2.2.3), digests %s',
    async (cdbBytes, digest, dataBytes) => {
      const target = new ScriptedTarget();
      if (digest === 'CRC32C') target.useDigests();
      const policy =
        digest === 'CRC32C' ? ({ headerDigest: 'preferred', dataDigest: 'preferred' } as const) : {};
      const session = await target.open({ negotiation: policy });
      const cdb = Uint8Array.from({ length: cdbBytes }, (_, at) => at + 1);
      const write = [Uint8Array.from({ length: dataBytes }, (_, at) => at)];
      const writes = Array.from({ length: 60 }, () => session.command({ lun: 0, cdb, write }));
      for (const { status } of await Promise.all(writes)) expect(status).toBe(0);
      await session.command({ lun: 0, cdb: CDB });
      const sent = target.connection.sent('scsi-command');
      expect(sent).toHaveLength(61);
      for (const pdu of sent.slice(0, 60)) expect(pdu).toMatchObject({ cdb, data: write[0] });
      expect(sent.at(-1)).toMatchObject({ cdb: new Uint8Array(16) });
    },
  );

  it.each([
    ['a LUN that cannot be written', { lun: 70_000, cdb: CDB }],
    ['a CDB that is too long', { lun: 0, cdb: new Uint8Array(261) }],
    ['data in both directions', { lun: 0, cdb: CDB, read: [EMPTY], write: [EMPTY] }],
  ])('refuses %s at once', async (_, request) => {
    const session = await new ScriptedTarget().open();
    await expect(session.command(request)).rejects.toMatchObject({ code: 'INITIATOR_OPTIONS' });
  });

  it('refuses more commands than it may hold', async () => {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    const session = await target.open({ maxCommands: 2 });
    for (let i = 0; i < 2; i++) session.command({ lun: 0, cdb: CDB }).catch(() => undefined);
    await expect(session.command({ lun: 0, cdb: CDB })).rejects.toMatchObject({ code: 'INITIATOR_BUSY' });
  });
});

describe('a lost connection', () => {
  it('sends idempotent commands again, in their order, and fails the others', async () => {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    const session = await target.open();
    const again = [1, 2, 3].map((lun) => session.command({ lun, cdb: CDB, idempotent: true }));
    const once = session.command({ lun: 4, cdb: CDB });
    await settle();
    target.command = (connection, pdu) => connection.respond(pdu);
    target.connection.cut('reset');
    await expect(once).rejects.toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
    await target.pass(200);
    await Promise.all(again);
    expect(target.connection.sent('scsi-command').map(({ lun }) => lun[1])).toEqual([1, 2, 3]);
  });

  it('is made again with pauses that grow, up to a limit, and given up in the end', async () => {
    const target = new ScriptedTarget();
    const reconnect = { minDelayMs: 100, maxDelayMs: 1000, timeoutMs: 5000 };
    const session = await target.open({ reconnect });
    target.reachable = false;
    target.connection.cut('reset');
    await target.pass(2000);
    const early = target.connections.length;
    expect(early).toBeGreaterThan(3);
    expect(session.state).toBe('reconnecting');
    await target.pass(5000);
    expect(target.connections.length - early).toBeLessThanOrEqual(6);
    expect(session.state).toBe('failed');
    await expect(session.command({ lun: 0, cdb: CDB })).rejects.toMatchObject({
      code: 'INITIATOR_UNREACHABLE',
    });
  });

  it('that breaks as soon as it is up waits longer and longer, and no command is sent for ever', async () => {
    const target = new ScriptedTarget();
    target.command = (connection) => connection.cut('poisoned');
    const session = await target.open({ reconnect: { minDelayMs: 100, maxDelayMs: 10_000 } });
    const poison = session.command({ lun: 0, cdb: CDB, idempotent: true });
    const refused = expect(poison).rejects.toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
    await target.pass(1000);
    expect(target.connections.length).toBeLessThanOrEqual(4);
    await target.pass(4000);
    await refused;
    expect(target.connections.flatMap((connection) => connection.sent('scsi-command'))).toHaveLength(5);
  });

  it('while it closes ends the commands at work, even those that might be sent again', async () => {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    const session = await target.open();
    const command = session.command({ lun: 0, cdb: CDB, idempotent: true });
    const refused = expect(command).rejects.toMatchObject({ code: 'INITIATOR_CLOSED' });
    await settle();
    const closing = session.close();
    target.connection.cut('reset');
    await Promise.all([refused, closing]);
    expect(target.clock.pendingTimers).toBe(0);
  });

  it('at the very moment of a request ends it like any other', async () => {
    const session = await new ScriptedTarget().open();
    const outcomes = [session.ping(), session.text([]), session.addConnection()].map((each) =>
      expect(each).rejects.toMatchObject({ code: 'INITIATOR_CLOSED' }),
    );
    await session.close({ signal: AbortSignal.abort() });
    await Promise.all(outcomes);
  });

  it('is noticed by a ping that is not answered', async () => {
    const target = new ScriptedTarget();
    const session = await target.open({ pingIntervalMs: 1000, pingTimeoutMs: 2000 });
    target.alive = false;
    await target.pass(1500);
    expect(target.connection.sent('nop-out')).toHaveLength(1);
    expect(target.connections).toHaveLength(1);
    await target.pass(2500);
    expect(target.connections).toHaveLength(2);
    expect(session.state).toBe('ready');
  });

  it('that the target announces is not made again before its time (RFC 7143 §11.9.1)', async () => {
    const target = new ScriptedTarget();
    await target.open();
    const { connection } = target;
    const parameters = { asyncVCode: 0, parameter1: 0, parameter2: 2, parameter3: 0 };
    const event = { asyncEvent: AsyncEvent.SESSION_DROP, lun: NO_LUN, data: EMPTY, ...parameters };
    connection.say({ type: 'async-message', ...event, ...connection.numbers() });
    await target.pass(1900);
    expect(target.connections).toHaveLength(1);
    await target.pass(200);
    expect(target.connections).toHaveLength(2);
  });

  it.each(['header', 'data'] as const)('by a wrong %s digest costs no idempotent command', async (part) => {
    const target = new ScriptedTarget();
    target.useDigests();
    const session = await target.open({ negotiation: { headerDigest: 'required', dataDigest: 'required' } });
    const { connection } = target;
    connection.spoilNext = true;
    target.command = (on, pdu) => {
      if (part === 'header' && on === connection) on.respond(pdu);
      else on.dataIn(pdu, { bufferOffset: 0, dataSn: 0, final: true }, Uint8Array.of(1, 2, 3, 4));
    };
    const data = new Uint8Array(4);
    const reading = session.command({ lun: 0, cdb: CDB, read: [data], idempotent: true });
    await target.pass(200);
    await expect(reading).resolves.toMatchObject({ receivedBytes: 4 });
    expect([...data]).toEqual([1, 2, 3, 4]);
    expect(target.connections).toHaveLength(2);
  });
});

describe('a session that is moved', () => {
  const elsewhere = { host: 'elsewhere.example', port: 3261 };

  it('while it is lost is made again in the new place', async () => {
    const target = new ScriptedTarget();
    const session = await target.open();
    target.reachable = false;
    target.connection.cut('reset');
    await target.pass(200);
    const moved = session.redirect(elsewhere);
    target.reachable = true;
    await target.pass(1000);
    await moved;
    expect(session.portal).toEqual(elsewhere);
    expect(target.connections.filter(({ portal }) => portal.host === elsewhere.host)).toHaveLength(1);
  });

  it('to another target names that one, and is not moved when it is closed', async () => {
    const target = new ScriptedTarget();
    const session = await target.open();
    const moved = session.redirect({ ...elsewhere, targetName: 'iqn.2026-11.io.lunbox:restored' });
    await target.pass(200);
    await moved;
    const [first] = target.connection.sent('login-request');
    expect(new TextDecoder().decode(first!.data)).toContain('TargetName=iqn.2026-11.io.lunbox:restored');
    await session.close();
    await expect(session.redirect(elsewhere)).rejects.toMatchObject({ code: 'INITIATOR_CLOSED' });
  });
});

describe('redirects (RFC 7143 §11.13.5)', () => {
  const elsewhere = (status: number, address: string): ScriptedTarget => {
    const target = new ScriptedTarget();
    const { login } = target;
    target.login = (keys, count, portal) =>
      portal.host === PORTAL.host ? { status, keys: { TargetAddress: address } } : login(keys, count, portal);
    return target;
  };
  const hosts = (target: ScriptedTarget): string[] => target.connections.map(({ portal }) => portal.host);

  it('for now are followed, and the next session begins where the first did', async () => {
    const target = elsewhere(LoginStatus.TARGET_MOVED_TEMPORARILY, '[fe80::2]:3261,5');
    const session = await target.open();
    expect(session.portal).toEqual({ host: 'fe80::2', port: 3261 });
    target.connection.cut('reset');
    await target.pass(200);
    expect(hosts(target)).toEqual([PORTAL.host, 'fe80::2', PORTAL.host, 'fe80::2']);
  });

  it('for good are remembered', async () => {
    const target = elsewhere(LoginStatus.TARGET_MOVED_PERMANENTLY, 'new.example');
    await target.open();
    target.connection.cut('reset');
    await target.pass(200);
    expect(hosts(target)).toEqual([PORTAL.host, 'new.example', 'new.example']);
  });

  it('in a circle end', async () => {
    const target = elsewhere(LoginStatus.TARGET_MOVED_TEMPORARILY, PORTAL.host);
    await expect(target.open()).rejects.toMatchObject({ code: 'INITIATOR_TARGET_MOVED' });
    expect(target.connections).toHaveLength(MAX_REDIRECTS + 1);
  });
});

describe('PDUs that the target sends by itself', () => {
  it('T-K2: a ping with a tag is answered with it, one without is not', async () => {
    const target = new ScriptedTarget();
    await target.open();
    const { connection } = target;
    const lun = Uint8Array.of(0, 5, 0, 0, 0, 0, 0, 0);
    for (const targetTransferTag of [77, NO_TTT]) {
      const tags = { initiatorTaskTag: RESERVED_TAG, targetTransferTag };
      const data = Uint8Array.of(1, 2, 3);
      connection.say({ type: 'nop-in', lun, ...tags, data, ...connection.numbers() });
      connection.statSn--;
    }
    await settle();
    expect(connection.sent('nop-out')).toMatchObject([
      {
        immediate: true,
        lun,
        initiatorTaskTag: RESERVED_TAG,
        targetTransferTag: 77,
        data: Uint8Array.of(1, 2, 3),
      },
    ]);
  });

  it('a Reject fails the command whose header it carries (RFC 7143 §11.17)', async () => {
    const target = new ScriptedTarget();
    const session = await target.open();
    target.command = (connection, pdu) => {
      const data = new Uint8Array(48);
      data[0] = 0x01;
      new DataView(data.buffer).setUint32(16, pdu.initiatorTaskTag);
      const reason = RejectReason.INVALID_PDU_FIELD;
      connection.say({ type: 'reject', reason, dataSn: 0, data, ...connection.numbers() });
    };
    await expect(session.command({ lun: 0, cdb: CDB })).rejects.toMatchObject({
      code: 'INITIATOR_REJECTED',
      detail: { reason: RejectReason.INVALID_PDU_FIELD },
    });
    expect(session.state).toBe('ready');
  });

  it('a request to log out is obeyed after the commands at work, and the session comes back', async () => {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    const session = await target.open();
    const { connection } = target;
    const command = session.command({ lun: 0, cdb: CDB });
    await settle();
    const parameters = { asyncVCode: 0, parameter1: 0, parameter2: 0, parameter3: 5 };
    const event = { asyncEvent: AsyncEvent.LOGOUT_REQUEST, lun: NO_LUN, data: EMPTY, ...parameters };
    connection.say({ type: 'async-message', ...event, ...connection.numbers() });
    await settle();
    expect(connection.sent('logout-request')).toHaveLength(0);
    connection.respond(connection.sent('scsi-command')[0]!);
    await command;
    await target.pass(200);
    expect(connection.sent('logout-request')).toHaveLength(1);
    expect(target.connections).toHaveLength(2);
    expect(session.state).toBe('ready');
  });
});

describe('a command that ends with CHECK CONDITION', () => {
  const invalidField = { senseKey: 5, asc: 0x24, ascq: 0 };
  const cases: [SenseData, string][] = [
    [
      { ...invalidField, fieldPointer: { inCdb: true, byteOffset: 1, bit: 7 } },
      'ILLEGAL REQUEST: INVALID FIELD IN CDB, CDB byte 1 bit 7',
    ],
    [
      { senseKey: 5, asc: 0x26, ascq: 0, fieldPointer: { inCdb: false, byteOffset: 12 } },
      'ILLEGAL REQUEST: INVALID FIELD IN PARAMETER LIST, parameter list byte 12',
    ],
    [
      { senseKey: 3, asc: 0x11, ascq: 0, information: 77 },
      'MEDIUM ERROR: UNRECOVERED READ ERROR, information 77',
    ],
    [
      { senseKey: 2, asc: 4, ascq: 4, progress: 0x8000 },
      'NOT READY: LOGICAL UNIT NOT READY, FORMAT IN PROGRESS, 50 % done',
    ],
  ];

  it.each(cases)('names field, information and progress in the message: %o', async (sense, words) => {
    for (const encode of [encodeFixedSense, encodeDescriptorSense]) {
      const bytes = encode(sense);
      const target = new ScriptedTarget();
      target.command = (connection, pdu) => connection.respond(pdu, Status.CHECK_CONDITION, joinSense(bytes));
      const session = await target.open();
      await expect(session.execute({ lun: 0, cdb: CDB })).rejects.toThrow(
        `INITIATOR_CHECK_CONDITION: ${words}`,
      );
      expect(await session.command({ lun: 0, cdb: CDB })).toMatchObject({ sense, senseBytes: bytes });
    }
  });
});
