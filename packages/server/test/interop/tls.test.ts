import { BHS_LENGTH, decodePdu, encodeText, serializePdu, type LoginResponsePdu } from '@lunbox/iscsi-pdu';
import type { IscsiServer, ListeningPortal, TlsOptions } from '@lunbox/iscsi-target';
import { connect as connectPlain, createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority, type KeyPair } from '../support/certificates.ts';
import { memoryServer, memoryTargetName, memoryUrl } from '../support/memory-server.ts';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const INITIATOR = 'iqn.1994-05.com.example:tls';
const IMPOSTOR = 'iqn.1994-05.com.example:impostor';

describe.skipIf(!requiresTools('openssl', 'iscsi-ls', 'iscsi-inq'))('TLS portal', () => {
  let directory: TempDirectory;
  let authority: TestAuthority;
  let server: KeyPair;
  let client: KeyPair;
  let iscsi: IscsiServer;
  let wrapper: Server | undefined;

  beforeAll(async () => {
    directory = makeTempDirectory('tls');
    authority = await TestAuthority.create(directory);
    server = await authority.issue('localhost', 'DNS:localhost,IP:127.0.0.1');
    client = await authority.issue('a tester', `URI:iscsi:${INITIATOR}`);
  });

  afterEach(async () => {
    wrapper?.close();
    wrapper = undefined;
    await iscsi.close({ timeoutMs: 0 });
  });

  afterAll(() => directory.remove());

  const listen = (more: Partial<TlsOptions>, advertisedPort?: number): Promise<ListeningPortal> => {
    iscsi = memoryServer();
    const advertise =
      advertisedPort === undefined ? {} : { advertise: { host: '127.0.0.1', port: advertisedPort } };
    return iscsi.listen({ host: '127.0.0.1', port: 0, tls: { ...server, ...more }, ...advertise });
  };

  const options = (portal: ListeningPortal, more: ConnectionOptions): ConnectionOptions => ({
    host: portal.host,
    port: portal.port,
    servername: 'localhost',
    ca: authority.certificate,
    ...more,
  });

  /** Status of a login over TLS; rejects when the handshake fails. */
  const login = async (
    portal: ListeningPortal,
    name: string,
    more: ConnectionOptions = {},
  ): Promise<number> => {
    const socket = connect(options(portal, more));
    try {
      await once(socket, 'secureConnect');
      socket.write(serializePdu(loginRequest(name), { header: false, data: false }));
      return await loginStatus(socket);
    } finally {
      socket.destroy();
    }
  };

  /** What `stunnel` does: plain TCP in front, TLS behind. */
  const wrap = async (target: ConnectionOptions): Promise<ListeningPortal> => {
    wrapper = createServer((plain) => {
      const secure = connect(target);
      plain.pipe(secure).pipe(plain);
      for (const [one, other] of [[plain, secure] as const, [secure, plain] as const]) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
    wrapper.listen(0, '127.0.0.1');
    await once(wrapper, 'listening');
    return { host: '127.0.0.1', port: (wrapper.address() as AddressInfo).port };
  };

  it('serves an initiator that speaks TLS', async () => {
    const portal = await listen({});
    expect(await login(portal, INITIATOR)).toBe(0);
  });

  it('lets in the initiator that its certificate names, and refuses another name with status 0201h', async () => {
    const portal = await listen({ requestCert: true, ca: authority.certificate });
    expect(await login(portal, INITIATOR, client)).toBe(0);
    expect(await login(portal, IMPOSTOR, client)).toBe(0x0201);
  });

  it('lets nobody in without a certificate, or with one of another authority', async () => {
    const portal = await listen({ requestCert: true, ca: authority.certificate });
    await expect(login(portal, INITIATOR)).rejects.toThrow();
    const elsewhere = makeTempDirectory('tls-other');
    const stranger = await (await TestAuthority.create(elsewhere)).issue('x', `URI:iscsi:${INITIATOR}`);
    elsewhere.remove();
    await expect(login(portal, INITIATOR, stranger)).rejects.toThrow();
    expect(iscsi.sessions).toEqual([]);
  });

  it('plain TCP gets no answer, and other connections go on', async () => {
    const portal = await listen({});
    const refused = await run('iscsi-inq', [memoryUrl(portal)], { timeoutMs: 2000 });
    expect(refused.status).not.toBe(0);
    expect(await login(portal, INITIATOR)).toBe(0);
  });

  it('a handshake that does not come is cut after the time of a login, and does not hold a stop up', async () => {
    iscsi = memoryServer({ limits: { loginTimeoutMs: 200 } });
    const portal = await iscsi.listen({ host: '127.0.0.1', port: 0, tls: server });
    const silent = connectPlain(portal.port, portal.host).on('error', () => undefined);
    await once(silent, 'close');
    const another = connectPlain(portal.port, portal.host).on('error', () => undefined);
    await once(another, 'connect');
    await iscsi.close({ timeoutMs: 0 });
    another.destroy();
  });

  it('a foreign initiator works behind a wrapper: discovery, LUN and INQUIRY', async () => {
    const behind = options({ host: '127.0.0.1', port: 0 }, client);
    const front = await wrap(behind);
    behind.port = (await listen({ requestCert: true, ca: authority.certificate }, front.port)).port;
    const named = ['-i', INITIATOR];
    const found = await run('iscsi-ls', [...named, '-s', `iscsi://${front.host}:${front.port}`], {
      timeoutMs: 8000,
    });
    expect(found.stdout, found.output).toContain(
      `Target:${memoryTargetName} Portal:127.0.0.1:${front.port},1`,
    );
    expect(found.stdout).toContain('DIRECT_ACCESS');
    const inquiry = await run('iscsi-inq', [...named, memoryUrl(front)], { timeoutMs: 8000 });
    expect(inquiry.status, inquiry.output).toBe(0);
    const impostor = await run('iscsi-inq', ['-i', IMPOSTOR, memoryUrl(front)], { timeoutMs: 8000 });
    expect(impostor.output).toContain('Authentication failure');
  });

  it('a key that does not fit its certificate is refused when the portal is opened', async () => {
    await expect(listen({ key: client.key })).rejects.toMatchObject({ code: 'TLS_INVALID' });
  });
});

function loginRequest(name: string): Parameters<typeof serializePdu>[0] {
  return {
    type: 'login-request',
    transit: true,
    continue: false,
    csg: 1,
    nsg: 3,
    versionMax: 0,
    versionMin: 0,
    isid: Uint8Array.of(0x80, 0, 0, 0, 0, 1),
    tsih: 0,
    initiatorTaskTag: 1,
    cid: 0,
    cmdSn: 1,
    expStatSn: 0,
    data: encodeText([
      ['InitiatorName', name],
      ['TargetName', memoryTargetName],
    ]),
  };
}

/** The status of the Login Response that comes; rejects when the connection ends before. */
function loginStatus(socket: TLSSocket): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < BHS_LENGTH) return;
      const { statusClass, statusDetail } = decodePdu(
        headerAlone(received),
        new Uint8Array(0),
      ) as LoginResponsePdu;
      resolve((statusClass << 8) | statusDetail);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection ended')));
  });
}

/** The header of a PDU as one without data. */
function headerAlone(bytes: Uint8Array): Uint8Array {
  const header = bytes.slice(0, BHS_LENGTH);
  header.fill(0, 5, 8);
  return header;
}
