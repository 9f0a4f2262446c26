import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { captureOutput } from '../support/captured-output.ts';

let folder: string;
let printed: string[];
let complained: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lunbox-cli-'));
  ({ printed, complained } = captureOutput());
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string): string => join(folder, name);

describe('lunbox create', () => {
  it('makes a disk and says how to serve it', async () => {
    expect(await run(['create', file('disk.lun'), '--size', '10G'])).toBe(0);
    expect(printed.join('\n')).toMatch(/10 GiB.*\nServe it with: lunbox serve .*disk\.lun/);
  });

  it('prints one line of JSON, or nothing', async () => {
    expect(await run(['create', file('a.lun'), '--size', '1M', '--block-size', '4096', '--json'])).toBe(0);
    expect(JSON.parse(printed.join(''))).toMatchObject({
      event: 'created',
      sizeBytes: 2 ** 20,
      blockSize: 4096,
    });
    printed.length = 0;
    expect(await run(['create', file('b.lun'), '--size', '1M', '--quiet'])).toBe(0);
    expect(printed).toEqual([]);
  });

  it('never touches a file that exists', async () => {
    writeFileSync(file('precious'), 'precious');
    expect(await run(['create', file('precious'), '--size', '1M'])).toBe(1);
    expect(readFileSync(file('precious'), 'utf8')).toBe('precious');
    expect(complained).toEqual([`lunbox: ${file('precious')} exists already; choose another name`]);
  });
});

describe('lunbox check and repair', () => {
  const damage = (name: string, ...offsets: number[]): void => {
    const fd = openSync(file(name), 'r+');
    for (const offset of offsets) writeSync(fd, 'damage', offset);
    closeSync(fd);
  };

  beforeEach(async () => {
    await run(['create', file('disk.lun'), '--size', '1M', '--quiet']);
  });

  it('finds a disk sound', async () => {
    expect(await run(['check', file('disk.lun')])).toBe(0);
    expect(printed).toEqual([`${file('disk.lun')}: sound`]);
  });

  it('goes through a directory, and ends with the status of the worst', async () => {
    await run(['create', file('other.lun'), '--size', '1M', '--quiet']);
    damage('other.lun', 65_536);
    writeFileSync(file('notes.txt'), 'no disk');
    expect(await run(['check', folder])).toBe(4);
    expect(printed.join('\n')).toMatch(
      /disk\.lun: sound\n.*other\.lun: damaged; lunbox repair can mend it\n/,
    );
    printed.length = 0;
    expect(await run(['check', folder, '--data', '--json'])).toBe(4);
    expect(printed.map((line) => (JSON.parse(line) as { verdict: string }).verdict)).toEqual([
      'note',
      'error',
    ]);
  });

  it('says what a repair would do, and does it when told', async () => {
    damage('disk.lun', 65_536);
    expect(await run(['repair', file('disk.lun')])).toBe(4);
    expect(printed.join('\n')).toMatch(/^would: header A is damaged: .*\nNothing was changed; say --apply/);
    expect(readdirSync(folder)).toEqual(['disk.lun']);
    printed.length = 0;
    expect([0, 3]).toContain(await run(['repair', file('disk.lun'), '--apply']));
    expect(printed.join('\n')).toMatch(/^did: .*\nWhat was written over is in .*before-repair-/);
    printed.length = 0;
    await run(['repair', file('disk.lun'), '--json']);
    expect(JSON.parse(printed.join(''))).toMatchObject({ applied: false, steps: [] });
    expect(await run(['repair', file('disk.lun'), '--apply', '--dry-run'])).toBe(2);
  });

  it('tells a loss', async () => {
    damage('disk.lun', 65_536, 196_608);
    expect(await run(['check', file('disk.lun')])).toBe(5);
    expect(await run(['repair', file('disk.lun'), '--apply'])).toBe(5);
    expect(printed.join('\n')).toContain('there is nothing that a repair can do');
    expect(await run(['check', file('nothing.lun')])).toBe(1);
  });
});

describe('lunbox info', () => {
  it('describes a disk in words and in JSON', async () => {
    await run(['create', file('disk.lun'), '--size', '1M', '--quiet']);
    expect(await run(['info', file('disk.lun')])).toBe(0);
    expect(printed.join('\n')).toMatch(/capacity +1 MiB \(1048576 bytes\)\nused/);
    expect(printed.join('\n')).toMatch(/state +closed in order/);
    printed.length = 0;
    expect(await run(['info', file('disk.lun'), '--json'])).toBe(0);
    expect(JSON.parse(printed.join(''))).toMatchObject({ capacityBytes: 2 ** 20, dataOffset: 9 * 2 ** 20 });
  });
});

describe('a wrong command line', () => {
  it.each([
    ['an unknown command', ['bogus'], /unknown command 'bogus'/],
    ['an unknown option', ['info', 'x', '--bogus'], /unknown option '--bogus'/],
    ['no size', ['create', 'x'], /--size/],
    ['a size that is none', ['create', 'x', '--size', 'big'], /Write a size such as 10G/],
    ['a size between blocks', ['create', 'x', '--size', '1000'], /multiple of 512/],
    ['a block size that is none', ['create', 'x', '--size', '1M', '--block-size', '513'], /512, 4096/],
    ['nothing to serve', ['serve'], /name the files to serve/],
    ['a portal that is none', ['serve', 'x', '--portal', 'x:99999'], /write HOST:PORT/],
    ['an IQN that is none', ['serve', 'x', '--iqn', 'disk'], /not an iSCSI name/],
    ['an open portal', ['serve', 'x', '--portal', '0.0.0.0:0'], /say --no-auth/],
    ['one file twice', ['serve', 'x', './x'], /given twice/],
    [
      'a user without a secret',
      ['serve', 'x', '--chap-user', 'alice'],
      /--chap-secret-file, or set LUNBOX_CHAP/,
    ],
    ['a secret without a user', ['serve', 'x', '--chap-secret-file', 'y'], /needs --chap-user/],
    ['mutual CHAP alone', ['serve', 'x', '--mutual-user', 'target'], /--mutual-user needs --chap-user/],
    ['a secret of nobody', ['serve', 'x', '--mutual-secret-file', 'y'], /needs --mutual-user/],
    [
      'a secret that is not there',
      ['serve', 'x', '--chap-user', 'alice', '--chap-secret-file', 'missing.secret'],
      /cannot read the secret in missing.secret: ENOENT/,
    ],
    ['an address that is none', ['serve', 'x', '--initiator-address', 'here'], /"here" is not an address/],
    [
      'names and no secret at an open portal',
      ['serve', 'x', '--portal', '0.0.0.0:0', '--allow', '*'],
      /--chap-user/,
    ],
  ])('with %s ends with 2 and says what is wrong', async (_name, args, message) => {
    expect(await run(args.map((arg) => (arg === 'x' ? file('x') : arg === './x' ? file('./x') : arg)))).toBe(
      2,
    );
    expect(complained.join('')).toMatch(message);
    expect(complained.join('')).toMatch(/^lunbox: /);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a file that cannot be served', () => {
  it.each([
    ['is missing', undefined, /no such file or directory; make a disk with: lunbox create/],
    ['is something else', 'text', /is not a Lunbox container; make a disk with: lunbox create/],
  ])('because it %s ends with 1 and one line', async (_name, content, message) => {
    if (content !== undefined) writeFileSync(file('x'), content);
    expect(await run(['serve', file('x'), '--portal', '127.0.0.1:0'])).toBe(1);
    expect(complained).toHaveLength(1);
    expect(complained[0]).toMatch(message);
    expect(readdirSync(folder)).toEqual(content === undefined ? [] : ['x']);
  });
});

describe('lunbox', () => {
  it('helps and tells its version with status 0, and helps with status 2 when nothing was asked', async () => {
    expect(await run(['--version'])).toBe(0);
    expect(printed.join('')).toMatch(/^\d+\.\d+\.\d+\n$/);
    printed.length = 0;
    expect(await run(['--help'])).toBe(0);
    expect(printed.join('')).toMatch(/create[\s\S]*info[\s\S]*serve/);
    expect(await run([])).toBe(2);
  });
});
