import { MemoryDevice } from '@lunbox/block';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectionGuide } from '../../src/cli/connection-guide.ts';
import { createServer, type LunboxServer, type ServerOptions } from '../../src/index.ts';

const IQN = 'iqn.2026-11.com.example:test';

async function newServer(options: Partial<ServerOptions> = {}): Promise<LunboxServer> {
  const lun = { device: new MemoryDevice({ size: 2 ** 20 }), identity: new Uint8Array(16).fill(7) };
  const server = await createServer({
    portals: ['127.0.0.1:0'],
    targets: [{ iqn: IQN, luns: [lun] }],
    ...options,
  });
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  return server;
}

describe('the iscsi side of a server', () => {
  it('is there while the server runs', async () => {
    const server = await newServer();
    expect(server.iscsi).toBeUndefined();
    await server.start();
    expect(server.iscsi?.sessions).toEqual([]);
    expect(server.iscsi?.statistics()).toEqual({ sessions: [], luns: [], opcodes: [] });
    await server.stop({ timeoutMs: 0 });
    expect(server.iscsi).toBeUndefined();
  });

  it('has one capture at a time', async () => {
    const server = await newServer();
    await server.start();
    const capture = server.iscsi!.capture({ maxBytes: 1024 });
    expect(() => server.iscsi!.capture()).toThrow(expect.objectContaining({ code: 'CAPTURE_RUNNING' }));
    capture.stop();
    server.iscsi!.capture({ maxBytes: 1024 }).stop();
  });

  it('goes through maintenance and resumes whatever came of it', async () => {
    const server = await newServer();
    await server.start();
    const work = server.iscsi!.maintenance(() => Promise.reject(new Error('half done')), { timeoutMs: 0 });
    await expect(work).rejects.toThrow('half done');
    expect(await server.iscsi!.maintenance(async () => 'done', { timeoutMs: 0 })).toBe('done');
  });
});

describe('advertised addresses', () => {
  it('stand in URLs instead of the portal, whose own address is still told', async () => {
    const server = await newServer({ advertise: ['[2001:db8::1]:13260'] });
    await server.start();
    expect(server.url(0)).toBe(`iscsi://[2001:db8::1]:13260/${IQN}/0`);
    expect(server.portals[0]).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(connectionGuide(server)).toContain('-t sendtargets -p [2001:db8::1]:13260');
    expect(connectionGuide(server)).toMatch(/Portal +127\.0\.0\.1:\d+/);
  });

  it('are no more than there are portals', async () => {
    const refused = newServer({ advertise: ['a:1', 'b:1'] });
    await expect(refused).rejects.toMatchObject({ code: 'SERVER_BAD_OPTIONS' });
  });
});
