import { connectLun, type UrlOptions } from '@lunbox/iscsi-initiator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDigestBridge } from '../support/digest-bridge.ts';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

describe.skipIf(!requiresTools('iscsi-ls', 'iscsi-inq'))('lunbox serve --require-digests', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;

  beforeAll(async () => {
    directory = makeTempDirectory('digests');
    const serveFlags = ['--require-digests'];
    target = await startLunbox({ directory: directory.path, sizeBytes: 16 << 20, serveFlags });
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  it('refuses libiscsi, which has no digests of data, and still tells it what there is', async () => {
    const inquiry = await run('iscsi-inq', [target.url], { timeoutMs: 8000 });
    expect(inquiry.status, inquiry.output).not.toBe(0);
    expect(inquiry.output).not.toContain('DIRECT_ACCESS');
    const found = await run('iscsi-ls', [`iscsi://${target.portal}`], { timeoutMs: 8000 });
    expect(found.stdout).toContain(`Target:${target.iqn}`);
  });

  it('takes libiscsi where something adds them', async () => {
    const bridge = await startDigestBridge(target);
    const url = target.url.replace(target.portal, `${bridge.host}:${bridge.port}`);
    const inquiry = await run('iscsi-inq', [url], { timeoutMs: 8000 });
    await bridge.close();
    expect(inquiry.status, inquiry.output).toBe(0);
    expect(bridge.counts).toMatchObject({ logins: 1, wrong: 0 });
  });

  it('takes an initiator with both digests, and none with one or none', async () => {
    const { host, port, iqn, lun } = target;
    const connect = (negotiation: UrlOptions['negotiation']): ReturnType<typeof connectLun> =>
      connectLun({ portal: { host, port }, targetName: iqn, lun, negotiation: negotiation ?? {} });
    await (await connect({ headerDigest: 'required', dataDigest: 'required' })).close();
    await (await connect({ headerDigest: 'preferred', dataDigest: 'preferred' })).close();
    const refused = { code: 'INITIATOR_LOGIN_REFUSED' };
    await expect(connect({ headerDigest: 'none', dataDigest: 'none' })).rejects.toMatchObject(refused);
    await expect(connect({ headerDigest: 'required', dataDigest: 'none' })).rejects.toMatchObject(refused);
  });
});
