import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limitsFromFlags } from '../../src/cli/limit-flags.ts';
import { portalsFromFlags } from '../../src/cli/portal-flags.ts';
import { createServer } from '../../src/index.ts';
import { MemoryDevice } from '@lunbox/block';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let directory: TempDirectory;
let said: string[];

beforeEach(() => {
  directory = makeTempDirectory('serve-flags');
  said = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void said.push(line));
});

afterEach(() => {
  vi.restoreAllMocks();
  directory.remove();
});

const write = (name: string, mode = 0o600): string => {
  const path = directory.file(name);
  writeFileSync(path, `PEM of ${name}`, { mode });
  return path;
};

describe('the flags of portals', () => {
  it('ask for nothing when there are none', () => {
    expect(portalsFromFlags({})).toBeUndefined();
  });

  it('name portals, with the tag of their group as RFC 7143 §13.8 writes it', () => {
    expect(portalsFromFlags({ portal: ['127.0.0.1:3260', '[::1]:3260,2', 'host,65535'] })).toEqual([
      { portal: '127.0.0.1:3260' },
      { portal: '[::1]:3260', tag: 2 },
      { portal: 'host', tag: 65535 },
    ]);
  });

  it('put TLS portals last, and ask for client certificates when an authority is named', () => {
    const [tlsCert, tlsKey, tlsCa] = [write('cert'), write('key'), write('ca')];
    const tls = { cert: 'PEM of cert', key: 'PEM of key' };
    const flags = { portal: ['a:1'], tlsPortal: ['b:2,7'], tlsCert, tlsKey };
    expect(portalsFromFlags(flags)).toEqual([{ portal: 'a:1' }, { portal: 'b:2', tag: 7, tls }]);
    expect(portalsFromFlags({ ...flags, tlsCa })?.[1]?.tls).toEqual({
      ...tls,
      ca: 'PEM of ca',
      requestCert: true,
    });
    expect(said).toEqual([]);
  });

  it('warn of a key that others may read', () => {
    portalsFromFlags({ tlsPortal: ['a:1'], tlsCert: write('cert', 0o644), tlsKey: write('key', 0o640) });
    expect(said).toEqual([expect.stringMatching(/^lunbox: warning: .*key; chmod 600 it/)]);
  });

  it.each([
    [
      'TLS without a key',
      { tlsPortal: ['a:1'], tlsCert: 'x' },
      /needs the files of --tls-cert and --tls-key/,
    ],
    ['a certificate without a portal', { tlsCert: 'x' }, /need --tls-portal/],
    [
      'a certificate that is not there',
      { tlsPortal: ['a:1'], tlsCert: 'none', tlsKey: 'none' },
      /the certificate in none: ENOENT/,
    ],
  ])('refuse %s', (_what, flags, message) => {
    expect(() => portalsFromFlags(flags)).toThrow(message);
  });
});

describe('limits', () => {
  const lun = { device: new MemoryDevice({ size: 2 ** 20 }), identity: new Uint8Array(16) };
  const start = (...limits: string[]): Promise<unknown> =>
    createServer({ portals: ['127.0.0.1:0'], targets: [{ luns: [lun] }], limits: limitsFromFlags(limits) });

  it('are numbers by name', async () => {
    expect(limitsFromFlags(['maxSessions=64', 'loginTimeoutMs=5000'])).toEqual({
      maxSessions: 64,
      loginTimeoutMs: 5000,
    });
    await expect(start('maxSessions=64', 'errorRecoveryLevel=0', 'maxBurstBytes=512')).resolves.toBeDefined();
  });

  it.each([
    ['no number', 'maxSessions=many', /write NAME=NUMBER/],
    ['no name', '64', /write NAME=NUMBER/],
    ['another name', 'maxSession=64', /there is no limit maxSession; there are maxConnections, maxSessions/],
    ['a name that objects have', 'constructor=1', /there is no limit constructor/],
    ['too little', 'maxSessions=0', /at least 1, not 0/],
    ['what no burst may be', 'maxBurstBytes=511', /from 512 to 16777215, not 511/],
    ['what no level is', 'errorRecoveryLevel=3', /from 0 to \d, not 3/],
    ['a number where there is none', 'requireDigests=1', /requireDigests is true or false, not 1/],
  ])('are refused with %s', async (_what, text, message) => {
    await expect((async () => start(text))()).rejects.toThrow(message);
  });
});
