import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChapAlgorithm } from '@lunbox/iscsi-target';
import { CatalogScanner } from '@lunbox/storage-object';
import { run } from '../../src/cli/program.ts';
import { settingsFromConfig } from '../../src/cli/serve-settings.ts';
import { SourceFiles } from '../../src/cli/source-files.ts';
import { checkConfig } from '../../src/config/check-config.ts';
import { configTable } from '../../src/config/describe-schema.ts';
import { describeProblem, readConfig } from '../../src/cli/read-config.ts';
import { captureOutput, type CapturedOutput } from '../support/captured-output.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const manual = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
const example = /```yaml\n(?<text>[^`]*)```/.exec(manual)?.groups?.['text'] ?? '';

const complaints = (text: string): string[] =>
  checkConfig(text, '/etc/lunbox.yaml').problems.map((problem) => describeProblem('f', problem));

describe('the checker of configurations', () => {
  it.each([
    [
      'an unknown key',
      'luns: [{file: a}]\nportal: []',
      ['f:2:1: portal: there is no such key; did you mean portals?'],
    ],
    [
      'a key that is like none',
      'luns:\n  - file: a\n    zzzzzzzz: 1',
      [/^f:3:5: luns\[0\]\.zzzzzzzz: .*write one of file, lun/],
    ],
    ['a missing key', 'luns:\n  - lun: 3', ['f:2:5: luns[0]: file is missing']],
    [
      'a number out of range',
      'luns:\n- {file: a, lun: 256}',
      ['f:2:18: luns[0].lun: write a whole number from 0 to 255'],
    ],
    ['a wrong type', 'luns:\n- {file: a, readOnly: 1}', ['f:2:23: luns[0].readOnly: write true or false']],
    ['no list', 'luns: a.lun', [/^f:1:7: luns: write a list, each keys among/]],
    ['an empty access list', 'directory: d\naccess: []', [/^f:2:9: access: write a list/]],
    [
      'a size',
      'directory: d\ncapture: {maxAge: 30s, maxSize: big}',
      ['f:2:33: capture.maxSize: write a size such as 10GiB'],
    ],
    ['a time', 'directory: d\ncapture:\n  maxAge: 30', ['f:3:11: capture.maxAge: write a time such as 30s']],
    [
      'an address',
      'directory: d\nportals: [{address: "a b"}]',
      ['f:2:21: portals[0].address: write an address such as 127.0.0.1:3260'],
    ],
    [
      'a portal that is nowhere',
      'directory: d\nnbd: {portals: [{}]}',
      [/^f:2:17: nbd.portals\[0\]: write an address or/],
    ],
    [
      'a user without a proof',
      'directory: d\nnbs: {portals: [{socket: s}], users: [{user: u}]}',
      [/^f:2:\d+: nbs.users\[0\]: write a passwordFile or a verifier/],
    ],
    ['a name', 'directory: d\niqn: disks', [/^f:2:6: iqn: write an iSCSI name/]],
    [
      'a choice',
      'directory: d\nchapMinimum: md4',
      ['f:2:14: chapMinimum: write one of md5, sha1, sha256, sha3-256'],
    ],
    [
      'a map of LUNs',
      'directory: d\naccess: [{initiator: "*", luns: {a: 1}}]',
      [/^f:2:34: access\[0\]\.luns\.a: write LUNs/],
    ],
    [
      'a secret without a user',
      'directory: d\naccess: [{initiator: "*", secretFile: s}]',
      ['f:2:27: access[0].secretFile: it needs user beside it'],
    ],
    [
      'luns and a directory',
      'directory: d\nluns: [{file: a}]',
      ['f:1:1: directory: a directory is served alone; leave luns out'],
    ],
    [
      'nothing to serve',
      'iqn: iqn.2026-01.com.example:a',
      ['f:1:1: name what to serve, under luns or as directory'],
    ],
    [
      'a LUN twice',
      'luns: [{file: a, lun: 3}, {file: b, lun: 3}]',
      ['f:1:1: luns: two of them want to be LUN 3; give one another number'],
    ],
    ['an alias', 'luns: [{file: &a b}, {file: *a }]', [/^f:1:29: luns\[1\]\.file: write the name/]],
    ['no YAML', 'luns: [', [/^f:1:8: /]],
    ['a key twice', 'directory: d\ndirectory: e', [/^f:2:1: Map keys must be unique/]],
    ['nothing at all', '', [/^f:1:1: write keys among iqn/]],
  ])('tells %s by line and column', (_, text, expected) => {
    const found = complaints(text);
    expect(found).toHaveLength(expected.length);
    for (const [index, line] of expected.entries()) expect(found[index]).toMatch(line);
  });

  it('tells all that is wrong at once', () => {
    expect(complaints('luns:\n- {lun: x}\nlimits: {maxSession: 1}')).toHaveLength(3);
  });

  it('takes a text of no more than 1 MiB', () => {
    expect(complaints('#'.repeat(2 ** 20 + 1))).toEqual(['f:1:1: it is longer than 1048576 characters']);
  });

  it('reads sizes, times, and names relative to the file', () => {
    const text = 'directory: disks\ncapture: {maxAge: 2 min, maxSize: 1.5 MiB}';
    expect(checkConfig(text, '/etc/lunbox.yaml').config).toEqual({
      directory: '/etc/disks',
      capture: { maxAge: 120_000, maxSize: 1_572_864 },
    });
  });
});

describe('docs/configuration.md', () => {
  it('has the table of all keys', () => {
    const squeezed = manual.replaceAll(/ {2,}/g, ' ').replaceAll(/-{3,}/g, '---');
    expect(squeezed).toContain(configTable().join('\n').replaceAll(/ {2,}/g, ' '));
  });

  it('has an example that is right', () => {
    expect(example).toContain('luns:');
    expect(complaints(example)).toEqual([]);
  });
});

describe('lunbox --config', () => {
  let directory: TempDirectory;
  let output: CapturedOutput;

  const write = (text: string): string => {
    const path = directory.file('lunbox.yaml');
    writeFileSync(path, text);
    return path;
  };

  beforeEach(() => {
    directory = makeTempDirectory('config');
    output = captureOutput();
  });

  afterEach(() => {
    vi.restoreAllMocks();
    directory.remove();
  });

  it('comes to the settings that flags would make', async () => {
    for (const name of [
      'mail.lun',
      'install.iso',
      'tls.crt',
      'tls.key',
      'ca.crt',
      'mail.secret',
      'own.secret',
      'backup.secret',
    ])
      writeFileSync(directory.file(name), `secret of ${name}`, { mode: 0o600 });
    const settings = await settingsFromConfig(readConfig(write(example)), new CatalogScanner());
    expect(settings).toMatchObject({
      iqn: 'iqn.2026-01.com.example:disks',
      luns: [
        { path: directory.file('mail.lun'), lun: 0, removable: false, foreign: 'new-identity' },
        { image: directory.file('install.iso'), lun: 5 },
      ],
      portals: [
        { portal: '127.0.0.1:3260' },
        { portal: '192.0.2.1:3261', tag: 2, tls: { requestCert: true, ca: 'secret of ca.crt' } },
      ],
      nbs: {
        portals: [
          { portal: `unix:${directory.file('nbs.sock')}` },
          { portal: '192.0.2.1:10260', tls: { key: 'secret of tls.key' } },
        ],
        users: [{ name: 'backup', password: 'secret of backup.secret' }],
      },
      nbd: { portals: [{ portal: `unix:${directory.file('nbd.sock')}` }] },
      minimumChapAlgorithm: ChapAlgorithm.SHA256,
      limits: { requireDigests: false, maxSessions: 64 },
      capture: { maxAgeMs: 30_000, maxBytes: 64 * 2 ** 20 },
      control: directory.file('lunbox.sock'),
      allowUnauthenticated: false,
    });
    const [entry] = settings.readAccess(new SourceFiles());
    expect(entry).toMatchObject({ initiator: 'iqn.2026-01.com.example:mail', chap: { user: 'mail' } });
    expect(entry?.lunMap).toEqual(new Map([[0, 0]]));
  });

  it('numbers LUNs as flags do', async () => {
    for (const name of ['a', 'b', 'c']) writeFileSync(directory.file(name), '');
    const config = readConfig(write('luns: [{file: a}, {file: b, lun: 0, readOnly: true}, {file: c}]'));
    const { luns } = await settingsFromConfig(config, new CatalogScanner());
    expect(luns.map(({ lun }) => lun)).toEqual([1, 0, 2]);
  });

  it('checks a file, those that it names included, and starts nothing', async () => {
    const path = write('luns:\n- file: gone.lun\nzzz: 1\n');
    expect(await run(['config', 'check', path])).toBe(2);
    expect(output.complained).toEqual([
      `${path}:2:9: luns[0].file: there is no ${directory.file('gone.lun')}`,
      expect.stringContaining(`${path}:3:1: zzz: there is no such key; write one of`),
    ]);
    expect(await run(['config', 'check', path, '--json'])).toBe(2);
    expect(JSON.parse(output.printed[0] ?? '')).toMatchObject({
      file: path,
      problems: [{ line: 2 }, { line: 3 }],
    });
    writeFileSync(directory.file('gone.lun'), '');
    expect(await run(['config', 'check', write('luns: [{file: gone.lun}]')])).toBe(0);
  });

  it('prints a JSON Schema', async () => {
    expect(await run(['config', 'schema'])).toBe(0);
    expect(JSON.parse(output.printed[0] ?? '')).toMatchObject({
      additionalProperties: false,
      properties: { luns: { items: { required: ['file'], properties: { lun: { maximum: 255 } } } } },
    });
  });

  it('refuses to serve by a file that is wrong, and flags beside one', async () => {
    const path = write('lun: 1');
    expect(await run(['serve', '--config', path])).toBe(2);
    expect(await run(['serve', '--config', path, '--read-only'])).toBe(2);
    expect(await run(['serve', '--config', path, 'a.lun'])).toBe(2);
    expect(output.complained).toEqual([
      `lunbox: ${path}:1:1: lun: there is no such key; did you mean luns?\n` +
        `${path}:1:1: name what to serve, under luns or as directory`,
      'lunbox: --read-only: with --config, the file says what to serve and how',
      'lunbox: a.lun: with --config, the file says what to serve and how',
    ]);
  });
});
