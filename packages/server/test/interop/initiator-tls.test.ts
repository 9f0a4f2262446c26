import { connectLun, type UrlOptions } from '@lunbox/iscsi-initiator';
import type { IscsiServer } from '@lunbox/iscsi-target';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority, type KeyPair } from '../support/certificates.ts';
import { memoryServer, memoryTargetName } from '../support/memory-server.ts';
import { requiresTools } from '../support/requires.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const INITIATOR = 'iqn.1994-05.com.example:tls';

describe.skipIf(!requiresTools('openssl'))('our initiator over TLS', () => {
  let directory: TempDirectory;
  let authority: TestAuthority;
  let server: KeyPair;
  let client: KeyPair;
  let iscsi: IscsiServer;

  beforeAll(async () => {
    directory = makeTempDirectory('initiator-tls');
    authority = await TestAuthority.create(directory);
    server = await authority.issue('localhost', 'DNS:localhost,IP:127.0.0.1');
    client = await authority.issue('a tester', `URI:iscsi:${INITIATOR}`);
  });

  afterEach(() => iscsi.close({ timeoutMs: 0 }));

  afterAll(() => directory.remove());

  /** Writes and reads through a portal that asks for certificates. */
  const roundTrip = async (options: UrlOptions): Promise<void> => {
    iscsi = memoryServer();
    const tls = { ...server, ca: authority.certificate, requestCert: true };
    const portal = await iscsi.listen({ host: '127.0.0.1', port: 0, tls });
    const disk = await connectLun({ portal, targetName: memoryTargetName, lun: 0, ...options });
    const bytes = Uint8Array.from({ length: 1 << 20 }, (_, index) => index * 7 + (index >> 8));
    const back = new Uint8Array(bytes.length);
    await disk.write([bytes], 0);
    await disk.read([back], 0);
    expect(Buffer.compare(back, bytes)).toBe(0);
    await disk.close();
  };

  const trusting = (): NonNullable<UrlOptions['tls']> => ({
    ca: authority.certificate,
    servername: 'localhost',
  });

  it('moves data, with a certificate that carries its name', () =>
    roundTrip({ initiatorName: INITIATOR, tls: { ...trusting(), ...client } }));

  it('does not talk to a target that it cannot trust', async () => {
    const tls = { ...client, servername: 'localhost' };
    await expect(roundTrip({ initiatorName: INITIATOR, tls })).rejects.toMatchObject({
      code: 'INITIATOR_UNREACHABLE',
    });
  });

  it('is not let in without a certificate, nor without TLS', async () => {
    await expect(roundTrip({ initiatorName: INITIATOR, tls: trusting() })).rejects.toMatchObject({
      name: 'InitiatorError',
    });
    await iscsi.close({ timeoutMs: 0 });
    await expect(roundTrip({ initiatorName: INITIATOR })).rejects.toMatchObject({ name: 'InitiatorError' });
  });
});
