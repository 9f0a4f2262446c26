import { MemoryDevice } from '@lunbox/block';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectionGuide } from '../../src/cli/connection-guide.ts';
import { ChapSecret, createServer, type AccessEntry, type ServerOptions } from '../../src/index.ts';

const alice: AccessEntry = {
  initiator: '*',
  chap: { user: 'alice', secrets: [new ChapSecret('secret-of-alice1')] },
};
const luns = [{ device: new MemoryDevice({ size: 2 ** 20 }), identity: new Uint8Array(16) }];
const OPEN = '0.0.0.0:0';

const refusal = (
  options: Omit<ServerOptions, 'portals'>,
  portals: ServerOptions['portals'] = [OPEN],
): Promise<unknown> =>
  createServer({ ...options, portals }).then(
    () => undefined,
    (error: { code: string }) => error.code,
  );

describe('a portal that other machines reach', () => {
  it.each<[string, readonly AccessEntry[], readonly AccessEntry[]]>([
    ['no access list', [], []],
    ['names and addresses alone', [{ initiator: '*', addresses: ['10.0.0.0/8'] }], [alice]],
    ['one entry without a secret', [alice, { initiator: '*' }], [alice]],
    ['one target without an access list', [alice], []],
  ])('is not opened with %s, unless that is said', async (_what, first, second) => {
    const targets = [
      { luns, access: first },
      { luns, access: second },
    ];
    expect(await refusal({ targets })).toBe('SERVER_AUTHENTICATION_REQUIRED');
    expect(await refusal({ targets, allowUnauthenticated: true })).toBeUndefined();
    expect(await refusal({ targets }, ['127.0.0.1:0'])).toBeUndefined();
  });

  it('is opened when everybody needs a client certificate, and not when the server alone has one', async () => {
    const targets = [{ luns, access: [{ initiator: 'iqn.*' }] }];
    const tls = { cert: 'PEM', key: 'PEM' };
    const open = (more: object): Promise<unknown> =>
      refusal({ targets }, [{ portal: OPEN, tls: { ...tls, ...more } }]);
    expect(await open({})).toBe('SERVER_AUTHENTICATION_REQUIRED');
    expect(await open({ ca: 'PEM', requestCert: true })).toBeUndefined();
  });

  it('is opened when everybody needs a secret', async () => {
    expect(await refusal({ targets: [{ luns, access: [alice] }] })).toBeUndefined();
  });
});

describe('an access list', () => {
  const bad: AccessEntry = { initiator: '*', addresses: ['nowhere'] };

  it('that contradicts itself is refused, for a target and for discovery', async () => {
    expect(await refusal({ targets: [{ luns, access: [bad] }] })).toBe('SERVER_BAD_OPTIONS');
    expect(await refusal({ targets: [{ luns, access: [alice] }], discovery: [bad] })).toBe(
      'SERVER_BAD_OPTIONS',
    );
  });

  it('is replaced while the server runs, under the same rules', async () => {
    const server = await createServer({ portals: [OPEN], targets: [{ luns, access: [alice] }] });
    expect(() => server.setAccess([alice])).toThrow(expect.objectContaining({ code: 'SERVER_WRONG_STATE' }));
    await server.start();
    onTestFinished(() => server.stop({ timeoutMs: 0 }));
    server.setAccess([{ ...alice, readOnly: true }]);
    expect(() => server.setAccess([bad])).toThrow(expect.objectContaining({ code: 'SERVER_BAD_OPTIONS' }));
    expect(() => server.setAccess([])).toThrow(
      expect.objectContaining({ code: 'SERVER_AUTHENTICATION_REQUIRED' }),
    );
    expect(() => server.setDiscovery([bad])).toThrow(expect.objectContaining({ code: 'SERVER_BAD_OPTIONS' }));
    server.setDiscovery([alice]);
    expect(() => server.setAccess([alice], 1)).toThrow(
      expect.objectContaining({ code: 'SERVER_WRONG_STATE' }),
    );
    expect(JSON.stringify(server.targets)).not.toContain('secret-of');
    expect(connectionGuide(server, 'alice')).toMatch(/With CHAP +user alice .* iscsi:\/\/alice%SECRET@/);
  });

  it('that the hashes of this machine are too weak for is refused, at the start and later', async () => {
    // No algorithm has that number, as where the operating system forbids all that are known.
    const options = { portals: ['127.0.0.1:0'], minimumChapAlgorithm: 255 as 8 };
    const closed = await createServer({ ...options, targets: [{ luns, access: [alice] }] });
    await expect(closed.start()).rejects.toMatchObject({ code: 'SERVER_BAD_OPTIONS' });
    const server = await createServer({ ...options, targets: [{ luns }] });
    await server.start();
    onTestFinished(() => server.stop({ timeoutMs: 0 }));
    const refused = expect.objectContaining({
      code: 'SERVER_BAD_OPTIONS',
      message: expect.stringMatching(/CHAP needs hashes/),
    });
    expect(() => server.setAccess([alice])).toThrow(refused);
    expect(() => server.setDiscovery([alice])).toThrow(refused);
  });
});
