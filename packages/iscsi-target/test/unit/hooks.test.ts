import { decodeText, type LoginResponsePdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine, type TargetHooks } from '../../src/index.ts';
import { INITIATOR_NAME, NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { MemoryTransport } from '../support/memory-transport.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

function engineWith(hooks: TargetHooks): TargetEngine {
  return new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }], {}, { hooks });
}

/** The status and the keys with which a login is answered. */
async function answerTo(
  initiator: TestInitiator,
  keys: Record<string, string> = NAMES,
): Promise<{ status: number; keys: Record<string, string> }> {
  const [response] = await initiator.send(initiator.loginRequest({}, keys));
  const { statusClass, statusDetail, data } = response as LoginResponsePdu;
  return { status: (statusClass << 8) | statusDetail, keys: Object.fromEntries(decodeText(data)) };
}

describe('authorise hook', () => {
  it('hears who asks for what, and from where', async () => {
    const asked: unknown[] = [];
    const engine = engineWith({ authorise: (login) => asked.push(login) > 0 });
    await new TestInitiator(engine).login();
    await new TestInitiator(engine).login({ discovery: true });
    const remote = { address: '127.0.0.1', port: 50000 };
    const local = { address: '127.0.0.1', port: 3260 };
    const common = { initiatorName: INITIATOR_NAME, local, remote, portalGroupTag: 1 };
    expect(asked).toEqual([
      { ...common, targetName: TARGET_NAME },
      { ...common, targetName: undefined },
    ]);
  });

  it('refuses with status 0202h, and the connection ends', async () => {
    const refused: unknown[] = [];
    const engine = engineWith({
      authorise: () => false,
      onLoginRefused: ({ initiatorName }, status) => refused.push([initiatorName, status]),
    });
    const initiator = new TestInitiator(engine);
    expect(await answerTo(initiator)).toEqual({ status: 0x0202, keys: {} });
    expect(initiator.transport.ended).toBe(true);
    expect(refused).toEqual([[INITIATOR_NAME, 0x0202]]);
  });
});

describe('redirect hook (RFC 7143 §11.13.5)', () => {
  it('sends the initiator elsewhere for now, without a portal group tag in the address (RFC 7143 §13.8)', async () => {
    const engine = engineWith({ redirect: () => ({ address: '192.0.2.7:3260,1' }) });
    const answer = await answerTo(new TestInitiator(engine));
    expect(answer).toEqual({ status: 0x0101, keys: { TargetAddress: '192.0.2.7:3260' } });
  });

  it('sends the initiator elsewhere for good, IPv6 in brackets', async () => {
    const engine = engineWith({ redirect: () => ({ address: '[2001:db8::1]:3261', permanent: true }) });
    const answer = await answerTo(new TestInitiator(engine));
    expect(answer).toEqual({ status: 0x0102, keys: { TargetAddress: '[2001:db8::1]:3261' } });
  });

  it('redirects one initiator and admits another', async () => {
    const engine = engineWith({
      redirect: ({ initiatorName }) =>
        initiatorName === INITIATOR_NAME ? { address: '192.0.2.7:3260' } : undefined,
    });
    expect((await answerTo(new TestInitiator(engine))).status).toBe(0x0101);
    await new TestInitiator(engine).login({ initiatorName: `${INITIATOR_NAME}.other` });
  });

  it('redirects one portal and admits at another', async () => {
    const engine = engineWith({
      redirect: ({ portalGroupTag }) => (portalGroupTag === 2 ? { address: '192.0.2.7:3260' } : undefined),
    });
    const portal = { address: '192.0.2.1', port: 3260, tag: 2 };
    const second = new TestInitiator(engine, new MemoryTransport({ portal }));
    expect((await answerTo(second)).status).toBe(0x0101);
    await new TestInitiator(engine).login();
  });

  it('a target that has moved away from here altogether is still redirected', async () => {
    const gone = 'iqn.2026-11.io.lunbox:gone';
    const engine = engineWith({
      redirect: ({ targetName }) =>
        targetName === gone ? { address: '192.0.2.7:3260', permanent: true } : undefined,
    });
    const answer = await answerTo(new TestInitiator(engine), { ...NAMES, TargetName: gone });
    expect(answer.status).toBe(0x0102);
  });
});

describe('names proven by the transport', () => {
  it('the login must use one of them: another is status 0201h', async () => {
    const engine = engineWith({});
    const transport = (): MemoryTransport => new MemoryTransport({ peerNames: [INITIATOR_NAME] });
    await new TestInitiator(engine, transport()).login();
    const keys = { ...NAMES, InitiatorName: `${INITIATOR_NAME}.other` };
    expect((await answerTo(new TestInitiator(engine, transport()), keys)).status).toBe(0x0201);
    const nameless = new TestInitiator(engine, new MemoryTransport({ peerNames: [] }));
    expect((await answerTo(nameless)).status).toBe(0x0201);
  });
});

describe('sessions come and go', () => {
  let events: string[];
  let engine: TargetEngine;

  beforeEach(() => {
    events = [];
    engine = engineWith({
      onSessionStart: ({ tsih, remotes }) => events.push(`start ${tsih} ${remotes.length}`),
      onSessionEnd: ({ tsih }, reason) => events.push(`end ${tsih} ${reason}`),
    });
  });

  it('a logout', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.login();
    const initiatorTaskTag = initiator.newTag();
    const common = { immediate: true, reason: 0, initiatorTaskTag, cid: 0 };
    await initiator.send({
      type: 'logout-request',
      ...common,
      cmdSn: initiator.cmdSn,
      expStatSn: initiator.expStatSn,
    });
    expect(events).toEqual(['start 1 1', 'end 1 logout']);
  });

  it('a connection that the network took away', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.login();
    initiator.connection.disconnected();
    expect(events).toEqual(['start 1 1', 'end 1 connection-lost']);
  });

  it('a connection that ended out of order is told of, one that logged out is not', async () => {
    const lost: unknown[] = [];
    engine = engineWith({ onConnectionLost: (remote, reason) => lost.push([remote.port, reason]) });
    const gone = new TestInitiator(engine);
    gone.connection.disconnected();
    const broken = new TestInitiator(engine);
    await broken.sendBytes(new Uint8Array(4096).fill(0xff));
    await new TestInitiator(engine).login();
    engine.stop();
    expect(lost).toEqual([
      [50000, 'connection-lost'],
      [50000, 'failed'],
    ]);
  });

  it('an initiator that breaks the framing', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.login();
    await initiator.sendBytes(new Uint8Array(4096).fill(0xff));
    expect(events).toEqual(['start 1 1', 'end 1 failed']);
  });

  it('a login of the same initiator port in place of the old one', async () => {
    await new TestInitiator(engine).login();
    await new TestInitiator(engine).login();
    expect(events).toEqual(['start 1 1', 'end 1 reinstated', 'start 2 1']);
  });

  it('a stop', async () => {
    await new TestInitiator(engine).login();
    engine.stop();
    expect(events).toEqual(['start 1 1', 'end 1 dropped']);
  });
});

describe('drain', () => {
  it('redirects new logins, refuses discovery with 0301h, and resume admits again', async () => {
    const engine = engineWith({});
    const initiator = new TestInitiator(engine);
    await initiator.login();
    engine.drain(5, '192.0.2.7:3260');
    expect(await initiator.settle()).toMatchObject([{ type: 'async-message', asyncEvent: 1, parameter3: 5 }]);
    const answer = await answerTo(new TestInitiator(engine));
    expect(answer).toEqual({ status: 0x0101, keys: { TargetAddress: '192.0.2.7:3260' } });
    const discovery = { InitiatorName: INITIATOR_NAME, SessionType: 'Discovery' };
    expect((await answerTo(new TestInitiator(engine), discovery)).status).toBe(0x0301);
    engine.resume();
    await new TestInitiator(engine).login();
  });

  it('stop says when nothing of a command is at work any more', async () => {
    const scsi = new ScriptedScsi();
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
    const initiator = new TestInitiator(engine);
    await initiator.login();
    scsi.held = true;
    await initiator.send(initiator.write10(0, 1, { data: new Uint8Array(512) }));
    let quiet = false;
    engine.stop(() => (quiet = true));
    expect(quiet).toBe(false);
    scsi.release();
    await initiator.settle();
    expect(quiet).toBe(true);
  });
});
