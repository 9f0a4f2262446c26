import type { IscsiServer, ListeningPortal } from '@lunbox/iscsi-target';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryServer, memoryUrl } from '../support/memory-server.ts';
import { run, type Finished } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';

const address = ({ host, port }: ListeningPortal): string => `${host}:${port}`;
const inquire = (portal: ListeningPortal): Promise<Finished> =>
  run('iscsi-inq', [memoryUrl(portal)], { timeoutMs: 8000 });

describe.skipIf(!requiresTools('iscsi-inq', 'iscsi-ls', 'qemu-io'))('libiscsi follows redirections', () => {
  const servers: IscsiServer[] = [];

  const serve = (...options: Parameters<typeof memoryServer>): IscsiServer => {
    const server = memoryServer(...options);
    servers.push(server);
    return server;
  };

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close({ timeoutMs: 0 })));
  });

  /** Portal group 2 sends everybody to portal group 1. Returns the portal of group 2. */
  const redirecting = async (permanent: boolean, refusals: number[]): Promise<ListeningPortal> => {
    const portals: ListeningPortal[] = [];
    const server = serve({
      hooks: {
        redirect: ({ portalGroupTag }) =>
          portalGroupTag === 2 ? { address: address(portals[0]!), permanent } : undefined,
        onLoginRefused: (_, status) => refusals.push(status),
      },
    });
    portals.push(await server.listen({ host: '127.0.0.1', port: 0 }));
    return server.listen({ host: '127.0.0.1', port: 0, tag: 2 });
  };

  it('from one portal to another of the same server', async () => {
    const refusals: number[] = [];
    const result = await inquire(await redirecting(false, refusals));
    expect(result.status, result.output).toBe(0);
    expect(result.stdout).toContain('DIRECT_ACCESS');
    expect(refusals).toEqual([0x0101]);
  });

  it('for now only: a permanent redirection it understands and does not follow', async () => {
    const refusals: number[] = [];
    const result = await inquire(await redirecting(true, refusals));
    expect(result.output).toContain('Target moved permanently');
    expect(refusals).toEqual([0x0102]);
  });

  it('from IPv4 to IPv6', async () => {
    const back = await serve().listen({ host: '::1', port: 0 });
    const front = serve({ hooks: { redirect: () => ({ address: `[::1]:${back.port}` }) } });
    const result = await inquire(await front.listen({ host: '127.0.0.1', port: 0 }));
    expect(result.status, result.output).toBe(0);
  });

  it('to another server while this one drains, and back here when it has resumed', async () => {
    const starts = { first: 0, second: 0 };
    const first = serve({ hooks: { onSessionStart: () => starts.first++ } });
    const second = serve({ hooks: { onSessionStart: () => starts.second++ } });
    const portal = await first.listen({ host: '127.0.0.1', port: 0 });
    const redirectTo = address(await second.listen({ host: '127.0.0.1', port: 0 }));
    const during = await first.maintenance(() => inquire(portal), { redirectTo });
    expect(during.status, during.output).toBe(0);
    expect(starts).toEqual({ first: 0, second: 1 });
    expect((await inquire(portal)).status).toBe(0);
    expect(starts).toEqual({ first: 1, second: 1 });
  });

  it('a session that is there is asked to log out before maintenance, and nothing runs during it', async () => {
    const reasons: string[] = [];
    const server = serve({ hooks: { onSessionEnd: (_, reason) => reasons.push(reason) } });
    const portal = await server.listen({ host: '127.0.0.1', port: 0 });
    const commands = ['read 0 64k', 'sleep 1500', 'read 0 64k'].flatMap((command) => ['-c', command]);
    const io = run('qemu-io', ['-f', 'raw', ...commands, memoryUrl(portal)]);
    while (server.sessions.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const seen = await server.maintenance(async () => server.sessions.length, { timeoutMs: 300 });
    expect(seen).toBe(0);
    expect(reasons).toHaveLength(1);
    // libiscsi logs in again by itself, as soon as it may.
    expect((await io).status).toBe(0);
  });

  it('who logs in after a drain was called off stays, and maintenance that was called off does not begin', async () => {
    const reasons: string[] = [];
    const server = serve({ hooks: { onSessionEnd: (_, reason) => reasons.push(reason) } });
    const portal = await server.listen({ host: '127.0.0.1', port: 0 });
    const first = run('qemu-io', ['-f', 'raw', '-c', 'sleep 1500', memoryUrl(portal)]);
    while (server.sessions.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const drained = server.drain({ timeoutMs: 600 });
    const kept = server.maintenance(() => Promise.reject(new Error('begun')), { timeoutMs: 600 });
    server.resume();
    expect(await drained).toBe(false);
    await expect(kept).rejects.toMatchObject({ code: 'DRAIN_CALLED_OFF' });
    expect((await inquire(portal)).status).toBe(0);
    expect((await first).status).toBe(0);
    expect(reasons).not.toContain('dropped');
  });

  it('discovery names the advertised address and the tag of each portal (T-L11)', async () => {
    const server = serve();
    const inner = await server.listen({
      host: '127.0.0.1',
      port: 0,
      advertise: { host: '127.0.0.2', port: 13260 },
    });
    await server.listen({ host: '127.0.0.1', port: 0, tag: 9, advertise: { host: '::1', port: 13261 } });
    const { stdout } = await run('iscsi-ls', [`iscsi://${address(inner)}`], { timeoutMs: 8000 });
    expect(stdout).toContain('Portal:127.0.0.2:13260,1');
    expect(stdout).toContain('Portal:[::1]:13261,9');
  });
});
