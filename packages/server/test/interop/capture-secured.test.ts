import { ChapAlgorithm, connectLun, type UrlOptions } from '@lunbox/iscsi-initiator';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canCapture, captureSession, type CaptureVerdict } from '../support/capture.ts';
import { startDigestBridge } from '../support/digest-bridge.ts';
import { makeExt4Image, type Ext4Image } from '../support/ext4-image.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { startLunbox } from '../support/start-lunbox.ts';
import { startTgtd } from '../support/start-tgtd.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { runTestcu } from '../support/testcu.ts';

const USER = 'alice';
const SECRET = 'secret-of-alice1';
const MUTUAL = { name: 'target', secret: 'secret-of-target' };
const CHAP = { name: USER, secret: SECRET };
const DIGESTS = { headerDigest: 'required', dataDigest: 'required' } as const;

const tools = ['iscsi-ls', 'iscsi-inq', 'iscsi-test-cu', 'stdbuf', 'qemu-img', 'mkfs.ext4', 'tgtd', 'tgtadm'];
const ready = requiresTools(...tools) && canCapture();

describe.skipIf(!ready)('wireshark holds nothing against sessions with CHAP and digests', () => {
  let directory: TempDirectory;
  let image: Ext4Image;
  let target: TargetUnderTest;

  beforeAll(async () => {
    directory = makeTempDirectory('capture-secured');
    image = await makeExt4Image(directory.path, 16);
    const secretFile = (name: string, text: string): string => {
      writeFileSync(directory.file(name), `${text}\n`, { mode: 0o600 });
      return directory.file(name);
    };
    const serveFlags = [
      ...['--chap-user', USER, '--chap-secret-file', secretFile('alice', SECRET)],
      ...['--mutual-user', MUTUAL.name, '--mutual-secret-file', secretFile('target', MUTUAL.secret)],
    ];
    target = await startLunbox({ directory: directory.path, sizeBytes: image.sizeBytes, serveFlags });
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  const expectClean = (verdict: CaptureVerdict, ...opcodes: string[]): void => {
    const { holes, malformed, errors, invalid, complaints, badDigests, pdus } = verdict;
    expect({ holes, malformed, errors, invalid, complaints, badDigests }).toEqual({
      holes: 0,
      malformed: [],
      errors: [],
      invalid: [],
      complaints: [],
      badDigests: 0,
    });
    for (const opcode of opcodes) expect(pdus.get(opcode) ?? 0, opcode).toBeGreaterThan(0);
  };

  /** An image onto the disk by `qemu-img`, with CHAP, and a comparison of every byte. */
  const convert = async (portal: string, iqn: string): Promise<void> => {
    const password = ['--object', `secret,id=password,data=${SECRET}`];
    const login = `user=${USER},password-secret=password,header-digest=crc32c`;
    const disk = `driver=iscsi,transport=tcp,portal=${portal},target=${iqn},lun=0,${login}`;
    await runOrThrow('qemu-img', [
      'convert',
      ...password,
      '-n',
      '-f',
      'raw',
      '--target-image-opts',
      image.path,
      disk,
    ]);
    const file = `driver=raw,file.driver=file,file.filename=${image.path}`;
    await runOrThrow('qemu-img', ['compare', ...password, '--image-opts', file, disk]);
  };

  /** Writes and reads by our own initiator. */
  const roundTrip = async ({ host, port, iqn, lun }: TargetUnderTest, options: UrlOptions): Promise<void> => {
    const disk = await connectLun({ portal: { host, port }, targetName: iqn, lun, ...options });
    const bytes = Uint8Array.from({ length: 1 << 20 }, (_, index) => index * 7 + (index >> 8));
    const back = new Uint8Array(bytes.length);
    await disk.write([bytes], 4096);
    await disk.read([back], 4096);
    expect(Buffer.compare(back, bytes)).toBe(0);
    await disk.close();
  };

  it('of libiscsi, with CHAP one way and mutual', async () => {
    const login = `//${USER}%${SECRET}@`;
    const back = `?target_user=${MUTUAL.name}&target_password=${MUTUAL.secret}`;
    const verdict = await captureSession(directory, target.port, async () => {
      for (const options of ['', back]) {
        const url = `${target.url.replace('//', login)}${options}`;
        const portal = `iscsi:${login}${target.portal}${options}`;
        expect((await run('iscsi-ls', ['-s', portal], { timeoutMs: 8000 })).stdout).toContain(
          'DIRECT_ACCESS',
        );
        expect((await run('iscsi-inq', [url], { timeoutMs: 8000 })).status).toBe(0);
        const results = await runTestcu({ url, only: ['Read10.*', 'Write10.Simple'] });
        expect(results.filter((result) => result.verdict !== 'pass')).toEqual([]);
      }
    });
    expectClean(verdict, '0x01', '0x03', '0x04', '0x21', '0x23', '0x24', '0x25');
  });

  it('of QEMU, with CHAP and header digests', async () => {
    const verdict = await captureSession(directory, target.port, () => convert(target.portal, target.iqn));
    expectClean(verdict, '0x01', '0x03', '0x21', '0x25');
    expect(verdict.goodDigests).toBeGreaterThan(50);
  });

  it('of QEMU, with CHAP and digests of headers and data', async () => {
    const bridge = await startDigestBridge(target);
    const verdict = await captureSession(directory, target.port, () =>
      convert(`${bridge.host}:${bridge.port}`, target.iqn),
    );
    await bridge.close();
    expectClean(verdict, '0x01', '0x03', '0x21', '0x25');
    expect(bridge.counts.wrong).toBe(0);
    // One of the header in each PDU after the login; whatever is above that are digests of data.
    const logins = (verdict.pdus.get('0x03') ?? 0) + (verdict.pdus.get('0x23') ?? 0);
    const headers = [...verdict.pdus.values()].reduce((sum, count) => sum + count, -logins);
    expect(verdict.goodDigests).toBeGreaterThan(headers);
  });

  it.each(Object.entries(ChapAlgorithm))(
    'of our initiator, with mutual %s and both digests',
    async (_, algorithm) => {
      const chap = { ...CHAP, mutual: MUTUAL, algorithms: [algorithm] };
      const verdict = await captureSession(directory, target.port, () =>
        roundTrip(target, { chap, negotiation: DIGESTS }),
      );
      expectClean(verdict, '0x01', '0x03', '0x21', '0x25');
      expect(verdict.goodDigests).toBeGreaterThan(20);
    },
  );

  it('of our initiator with tgtd, with CHAP and both digests', async () => {
    const tgtd = await startTgtd({
      directory: directory.path,
      sizeBytes: 16 << 20,
      digests: true,
      chap: { user: USER, secret: SECRET },
    });
    const verdict = await captureSession(directory, tgtd.port, () =>
      roundTrip(tgtd, { chap: { ...CHAP, algorithms: [ChapAlgorithm.MD5] }, negotiation: DIGESTS }),
    );
    await tgtd.stop();
    expectClean(verdict, '0x01', '0x03', '0x05', '0x21', '0x25', '0x31');
    expect(verdict.goodDigests).toBeGreaterThan(20);
  });
});
