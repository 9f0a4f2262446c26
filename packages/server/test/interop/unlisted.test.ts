import { discoverTargets, IscsiSession, systemSeams } from '@lunbox/iscsi-initiator';
import type { IscsiServer, ListeningPortal } from '@lunbox/iscsi-target';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryServer, memoryTargetName, memoryUrl } from '../support/memory-server.ts';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';

/** An address of this machine that is none of its loopback interface; packets to it do not leave the machine. */
const ownAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

const REFUSED = { code: 'INITIATOR_LOGIN_REFUSED', detail: { statusClass: 2, statusDetail: 2 } };

describe.skipIf(ownAddress === undefined)('at a portal that is not loopback', () => {
  let server: IscsiServer;
  const refusals: number[] = [];

  const listen = async (...hosts: string[]): Promise<ListeningPortal[]> => {
    refusals.length = 0;
    server = memoryServer({ hooks: { onLoginRefused: (_, status) => refusals.push(status) } });
    const portals: ListeningPortal[] = [];
    for (const host of hosts) portals.push(await server.listen({ host, port: 0 }));
    return portals;
  };

  afterEach(() => server.close({ timeoutMs: 0 }));

  const login = async (portal: ListeningPortal): Promise<void> => {
    const session = new IscsiSession({ portal, targetName: memoryTargetName }, systemSeams());
    await session.open();
    await session.close();
  };

  it('an initiator in no access list is refused, for discovery too, though it is let in at loopback', async () => {
    const [outer, inner] = (await listen(ownAddress ?? '', '127.0.0.1')) as [
      ListeningPortal,
      ListeningPortal,
    ];
    await expect(login(outer)).rejects.toMatchObject(REFUSED);
    await expect(discoverTargets({ portal: outer }, systemSeams())).rejects.toMatchObject(REFUSED);
    expect(server.sessions).toEqual([]);
    await login(inner);
    expect(await discoverTargets({ portal: inner }, systemSeams())).toHaveLength(1);
  });

  it('an access list lets its initiators in, and nobody else', async () => {
    const [outer] = (await listen(ownAddress ?? '')) as [ListeningPortal];
    server.setAccess(memoryTargetName, [{ initiator: 'iqn.1994-05.com.example:somebody' }]);
    await expect(login(outer)).rejects.toMatchObject(REFUSED);
    server.setAccess(memoryTargetName, [{ initiator: '*', addresses: ['198.51.100.0/24'] }]);
    await expect(login(outer)).rejects.toMatchObject(REFUSED);
    server.setAccess(memoryTargetName, [{ initiator: '*', addresses: [`${ownAddress}/32`] }]);
    await login(outer);
  });

  it.skipIf(!requiresTools('iscsi-ls', 'iscsi-inq'))('foreign tools see no target and no LUN', async () => {
    const [outer] = (await listen(ownAddress ?? '')) as [ListeningPortal];
    const portal = `iscsi://${outer.host}:${outer.port}`;
    for (const [tool, url] of [['iscsi-ls', portal] as const, ['iscsi-inq', memoryUrl(outer)] as const]) {
      const { status, output, timedOut } = await run(tool, [url], { timeoutMs: 8000 });
      expect([status === 0, timedOut], output).toEqual([false, false]);
      expect(output).not.toMatch(/Target:|Lun:|Vendor:|DIRECT_ACCESS/);
    }
    expect(refusals).toEqual([0x0202, 0x0202]);
  });
});
