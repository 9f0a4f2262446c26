import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';

const URL = 'iscsi://127.0.0.1:1/iqn.2026-01.example:none/0';

let told: { out: string; error: string };

beforeEach(() => {
  told = { out: '', error: '' };
  vi.spyOn(console, 'log').mockImplementation((text: string) => void (told.out += `${text}\n`));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void (told.error += `${text}\n`));
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a command line that makes no sense is status 2, and says why', () => {
  it.each([
    [[], 'lunbox-initiator: a command is missing'],
    [['inquire', URL], 'lunbox-initiator: there is no command "inquire"'],
    [['toString', URL], 'lunbox-initiator: there is no command "toString"'],
    [['inq'], 'lunbox-initiator: a URL is missing'],
    [['luns', URL, '0x83'], 'lunbox-initiator: "0x83" is one argument too many'],
    [['modes', URL, '8', '9'], 'lunbox-initiator: "9" is one argument too many'],
    [['read', URL, '--depth', '3'], 'lunbox-initiator: --depth is not for read'],
    [['read', URL, '--length', 'all'], 'lunbox-initiator: "all" is not a whole number'],
    [['luns', URL, '--json', '--raw'], 'lunbox-initiator: --json and --raw exclude each other'],
    [['luns', URL, '--jason'], "lunbox-initiator: Unknown option '--jason'"],
  ])('%j', async (args, reason) => {
    expect(await run(args)).toBe(2);
    expect(told.error).toContain(reason);
    expect(told.error).toContain('lunbox-initiator --help tells how.');
    expect(told.out).toBe('');
  });
});

it('--help is no failure', async () => {
  expect(await run(['modes', '--help'])).toBe(0);
  expect(told.out).toMatch(/^Usage: lunbox-initiator COMMAND/);
  expect(told.error).toBe('');
});

it('a LUN that cannot be reached is status 1', async () => {
  expect(await run(['inq', URL])).toBe(1);
  expect(told.error).toMatch(/^inq: INITIATOR_UNREACHABLE/);
});

describe('bytes are put into words', () => {
  it('sense data', async () => {
    expect(await run(['sense', '70', '00', '05', '0000', '0000,0a', '0x00000000', '240000cf0001'])).toBe(0);
    expect(told.out).toContain('ADDITIONAL SENSE CODE: 24h/00h (INVALID FIELD IN CDB)');
    expect(told.out).toContain('FIELD POINTER: 1 (CDB)');
    expect(told.out).toContain('BIT POINTER: 7');
  });

  it('a CDB, as JSON', async () => {
    expect(await run(['cdb', '--json', '28000000100000000800'])).toBe(0);
    expect(JSON.parse(told.out)).toMatchObject({
      title: 'READ (10)',
      fields: expect.arrayContaining([{ name: 'LOGICAL BLOCK ADDRESS', value: 4096 }]) as unknown,
    });
  });

  it.each([['7'], ['70 0g'], ['']])('%j is none', async (text) => {
    expect(await run(['sense', text])).toBe(2);
    expect(told.error).toContain('pairs of hexadecimal digits');
  });
});
