import { decodeText, encodeText, NO_TTT, type TextResponsePdu } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { TargetEngine, type Portal } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { MemoryTransport, type MemoryTransportOptions } from '../support/memory-transport.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

/** The addresses that SendTargets gives to an initiator which came in by `transport`. */
async function addresses(portals: readonly Portal[], transport: MemoryTransportOptions): Promise<string[]> {
  const access = [{ initiator: '*' }];
  const engine = new TargetEngine(
    [{ name: TARGET_NAME, scsi: new ScriptedScsi(), access }],
    {},
    { security: { discovery: [{ initiator: '*' }] } },
  );
  for (const portal of portals) engine.addPortal(portal);
  const initiator = new TestInitiator(engine, new MemoryTransport(transport));
  await initiator.login({ discovery: true });
  const [response] = await initiator.send({
    type: 'text-request',
    immediate: true,
    final: true,
    continue: false,
    lun: new Uint8Array(8),
    initiatorTaskTag: initiator.newTag(),
    targetTransferTag: NO_TTT,
    cmdSn: initiator.cmdSn,
    expStatSn: initiator.expStatSn,
    data: encodeText([['SendTargets', 'All']]),
  });
  const pairs = decodeText((response as TextResponsePdu).data);
  return pairs.filter(([name]) => name === 'TargetAddress').map(([, value]) => value);
}

describe('portals as initiators are told of them (RFC 7143 Appendix C)', () => {
  it('T-L11: an initiator gets the address that it used, when none is advertised', async () => {
    const wildcard = { address: '0.0.0.0', port: 3260, tag: 1 };
    const local = { address: '192.0.2.1', port: 3260 };
    expect(await addresses([wildcard], { local })).toEqual(['192.0.2.1:3260,1']);
  });

  it('T-L11: behind NAT or in a container it gets the advertised address instead', async () => {
    const portal = { address: 'nas.example.com', port: 13260, tag: 1 };
    const local = { address: '172.17.0.2', port: 3260 };
    expect(await addresses([portal], { local, portal })).toEqual(['nas.example.com:13260,1']);
  });

  it('each portal has the tag of its own portal group, and IPv6 has brackets', async () => {
    const first = { address: '192.0.2.1', port: 3260, tag: 1 };
    const second = { address: '2001:db8::1', port: 3261, tag: 2 };
    const answer = await addresses([first, second], { local: first, portal: first });
    expect(answer).toEqual(['192.0.2.1:3260,1', '[2001:db8::1]:3261,2']);
  });

  it('the login answer and the nexus name the portal group (RFC 7143 §13.9)', async () => {
    const scsi = new ScriptedScsi();
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
    const portal = { address: '127.0.0.1', port: 3260, tag: 77 };
    const answers = await new TestInitiator(engine, new MemoryTransport({ portal })).login();
    expect(answers['TargetPortalGroupTag']).toBe('77');
    expect(scsi.nexuses[0]?.options.portalGroupTag).toBe(77);
  });
});
