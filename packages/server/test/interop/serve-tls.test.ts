import { connectLun, type UrlOptions } from '@lunbox/iscsi-initiator';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority, type KeyPair } from '../support/certificates.ts';
import { run, type Finished } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { startTlsWrapper, type TlsWrapper } from '../support/tls-wrapper.ts';

const INITIATOR = 'iqn.1994-05.com.example:tls';

describe.skipIf(!requiresTools('openssl', 'iscsi-inq', 'qemu-io'))('lunbox serve --tls-portal', () => {
  let directory: TempDirectory;
  let authority: TestAuthority;
  let client: KeyPair;
  let target: TargetUnderTest;
  let wrapper: TlsWrapper;
  let tlsPortal: string;

  beforeAll(async () => {
    directory = makeTempDirectory('serve-tls');
    authority = await TestAuthority.create(directory);
    const server = await authority.issue('localhost', 'DNS:localhost,IP:127.0.0.1');
    client = await authority.issue('a tester', `URI:iscsi:${INITIATOR}`);
    const file = (name: string, text: string): string => {
      writeFileSync(directory.file(name), text, { mode: 0o600 });
      return directory.file(name);
    };
    const ca = file('clients.pem', authority.certificate);
    const keys = [
      '--tls-cert',
      file('server.pem', server.cert),
      '--tls-key',
      file('server-key.pem', server.key),
    ];
    const serveFlags = ['--tls-portal', '127.0.0.1:0,2', ...keys, '--tls-ca', ca];
    target = await startLunbox({ directory: directory.path, sizeBytes: 16 << 20, serveFlags });
    const ready = JSON.parse(target.log().split('\n')[0] ?? '') as {
      tlsPortals: string[];
      portals: string[];
    };
    tlsPortal = ready.tlsPortals[0] ?? '';
    expect(ready.portals).toEqual([target.portal, tlsPortal]);
    const pair = ['-cert', file('client.pem', client.cert), '-key', file('client-key.pem', client.key)];
    wrapper = await startTlsWrapper(() => ['-connect', tlsPortal, '-CAfile', ca, ...pair]);
  });

  afterAll(async () => {
    await wrapper.close();
    expect(await target.stop()).toBe(0);
    directory.remove();
  });

  const url = (): string => `iscsi://127.0.0.1:${wrapper.port}/${target.iqn}/0`;
  const inquire = (name: string): Promise<Finished> =>
    run('iscsi-inq', ['-i', name, url()], { timeoutMs: 8000 });

  it('serves a foreign initiator behind a foreign TLS client, by the name in its certificate only', async () => {
    const inquiry = await inquire(INITIATOR);
    expect(inquiry.status, inquiry.output).toBe(0);
    expect(inquiry.stdout).toContain('DIRECT_ACCESS');
    const impostor = await inquire('iqn.1994-05.com.example:impostor');
    expect(impostor.status).not.toBe(0);
    expect(impostor.output).toContain('Authentication failure');
  });

  it('moves the data of QEMU, 8 MiB there and back', async () => {
    const image = `driver=iscsi,transport=tcp,portal=127.0.0.1:${wrapper.port},target=${target.iqn},lun=0`;
    const options = `${image},initiator-name=${INITIATOR}`;
    const commands = ['write -P 0x5a 1M 8M', 'flush', 'read -P 0x5a 1M 8M'].flatMap((each) => ['-c', each]);
    const result = await run('qemu-io', ['--image-opts', ...commands, options]);
    expect(result.output).not.toContain('failed');
    expect(result.status, result.output).toBe(0);
  });

  it('serves our own initiator, and not without its certificate', async () => {
    const [host = '', port] = tlsPortal.split(':');
    const tls = { ca: authority.certificate, servername: 'localhost' };
    const connect = (more: UrlOptions['tls']): ReturnType<typeof connectLun> =>
      connectLun({
        portal: { host, port: Number(port) },
        targetName: target.iqn,
        lun: 0,
        initiatorName: INITIATOR,
        tls: { ...tls, ...more },
      });
    const disk = await connect(client);
    const [bytes, back] = [new Uint8Array(65_536).fill(0x3c), new Uint8Array(65_536)];
    await disk.write([bytes], 4096);
    await disk.read([back], 4096);
    expect(Buffer.compare(back, bytes)).toBe(0);
    await disk.close();
    await expect(connect({})).rejects.toMatchObject({ name: 'InitiatorError' });
  });

  it('is not opened with a key that does not fit, and the disk is not touched', async () => {
    const disk = directory.file('second.lun');
    await lunbox(['create', disk, '--size', '1M']);
    const keys = ['--tls-cert', directory.file('server.pem'), '--tls-key', directory.file('client-key.pem')];
    const refused = await lunbox(['serve', disk, '--tls-portal', '127.0.0.1:0', ...keys]);
    expect(refused.status, refused.output).toBe(2);
    expect(refused.stderr).toMatch(/^lunbox: 127\.0\.0\.1:0: TLS cannot use its key or certificate/);
  });
});
