import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { trapCatalogue } from '../support/trap-catalogue.ts';
import { citedTraps, trapsPage, trapTests } from '../support/traps.ts';
import { packageSources, root, testSources } from '../support/workspace.ts';

const tests = testSources().filter(({ path }) => path.startsWith('packages/'));
const cited = [...new Set([...packageSources(), ...tests].flatMap(({ text }) => citedTraps(text)))];

describe('traps', () => {
  it('are described in the catalogue before they are cited', () => {
    expect(cited.filter((trap) => !Object.hasOwn(trapCatalogue, trap))).toEqual([]);
  });

  it('stand in docs/traps.md with the tests that cover them', async () => {
    const path = `${root}docs/traps.md`;
    const page = trapsPage(cited, tests.flatMap(trapTests), trapCatalogue);
    const formatted = await format(page, { ...(await resolveConfig(path)), filepath: path });
    await expect(formatted).toMatchFileSnapshot(path);
  });
});

describe('the page of traps', () => {
  const file = {
    path: 'packages/scsi/test/unit/lun.test.ts',
    text: `
      // T-N1 in a comment is no test
      describe('LUN (T-V6)', () => {});
      it.each([1])('answers 16 bytes at least (T-V6, T-W1)', () => {});
      expect('T-N2').toBe('x');
    `,
  };

  it('takes a test by the numbers in its name only', () => {
    expect(trapTests(file).map(({ traps }) => traps)).toEqual([['T-V6'], ['T-V6', 'T-W1']]);
  });

  it('says which trap has no test yet, and leaves the numbers out of the names', () => {
    const catalogue = { 'T-K9': 'nine', 'T-K10': 'ten', 'T-W1': 'one' };
    const page = trapsPage(['T-W1', 'T-K10', 'T-K9'], trapTests(file), catalogue);
    expect(page.split('\n').filter((line) => /^ *- /.test(line))).toEqual([
      '- **T-K9** nine',
      '  - no test yet',
      '- **T-K10** ten',
      '  - no test yet',
      '- **T-W1** one',
      '  - answers 16 bytes at least (`packages/scsi/test/unit/lun.test.ts`)',
    ]);
  });
});
