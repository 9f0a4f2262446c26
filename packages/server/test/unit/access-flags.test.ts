import { chmodSync, writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadAccess, type AccessFlags } from '../../src/cli/access-flags.ts';
import { SourceFiles } from '../../src/cli/source-files.ts';
import { ChapSecret } from '../../src/index.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let directory: TempDirectory;
let warnings: string[];

beforeEach(() => {
  directory = makeTempDirectory('access-flags');
  warnings = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void warnings.push(line));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  directory.remove();
});

function secretFile(text: string, mode = 0o600): string {
  const path = directory.file('secret');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const load = (flags: AccessFlags) => loadAccess(flags, new SourceFiles());

/** Which of some secrets an initiator may use. */
function accepted(flags: AccessFlags, ...candidates: string[]): string[] {
  const secrets = load(flags)[0]?.chap?.secrets ?? [];
  return candidates.filter((text) => secrets.some((secret) => secret.sameAs(new ChapSecret(text))));
}

describe('the flags of access', () => {
  it('make no list when none is given', () => {
    expect(load({})).toEqual([]);
  });

  it('make an entry of each pattern, everybody by default', () => {
    const addresses = ['192.0.2.0/24'];
    expect(load({ initiatorAddress: addresses })).toEqual([{ initiator: '*', addresses }]);
    expect(load({ allow: ['iqn.a:*', 'iqn.b:*'], initiatorAddress: addresses })).toEqual([
      { initiator: 'iqn.a:*', addresses },
      { initiator: 'iqn.b:*', addresses },
    ]);
  });

  it('take a secret from the first line of a file, without its line end', () => {
    const chapSecretFile = secretFile('secret-of-alice1\r\n');
    expect(accepted({ chapUser: 'alice', chapSecretFile }, 'secret-of-alice1', 'secret-of-alice1\r')).toEqual(
      ['secret-of-alice1'],
    );
    expect(warnings).toEqual([]);
  });

  it('take two secrets from two lines, while they are being changed', () => {
    const chapSecretFile = secretFile('the new secret of alice\nsecret-of-alice1\n');
    const both = ['the new secret of alice', 'secret-of-alice1'];
    expect(accepted({ chapUser: 'alice', chapSecretFile }, ...both)).toEqual(both);
    const three = secretFile('secret number one\nsecret number two\nsecret number three');
    expect(() => load({ chapUser: 'alice', chapSecretFile: three })).toThrow(/two lines/);
  });

  it('take secrets from the environment when there is no file', () => {
    vi.stubEnv('LUNBOX_CHAP_SECRET', 'secret-of-alice1');
    vi.stubEnv('LUNBOX_MUTUAL_SECRET', 'secret-of-target');
    const flags = { chapUser: 'alice', mutualUser: 'target' };
    expect(accepted(flags, 'secret-of-alice1')).toHaveLength(1);
    const [entry] = load(flags);
    expect(entry?.mutual?.secret.sameAs(new ChapSecret('secret-of-target'))).toBe(true);
    expect(inspect(entry, { depth: null, showHidden: true })).not.toContain('secret-of-');
  });

  it('warn of a file that others may read', () => {
    load({ chapUser: 'alice', chapSecretFile: secretFile('secret-of-alice1', 0o644) });
    expect(warnings).toEqual([expect.stringMatching(/^lunbox: warning: .*chmod 600/)]);
  });

  it('refuse a short secret unless it is wanted, without showing it', () => {
    const flags = { chapUser: 'alice', chapSecretFile: secretFile('sesame') };
    expect(() => load(flags)).toThrow(/12 to 1024 bytes, not 6/);
    expect(() => load(flags)).not.toThrow(/sesame/);
    expect(load({ ...flags, allowShortSecrets: true })).toHaveLength(1);
  });
});
