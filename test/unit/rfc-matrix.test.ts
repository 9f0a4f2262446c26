import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { citedSections, matrixPage, sectionTests } from '../support/rfc-matrix.ts';
import { rfc7143Sections } from '../support/rfc7143-sections.ts';
import { root, testSources } from '../support/workspace.ts';

const tests = testSources()
  .filter(({ path }) => /^packages\/iscsi-/.test(path))
  .flatMap(sectionTests);

describe('the sections of RFC 7143', () => {
  it('stand in docs/rfc7143.md with the tests that hold their rules', async () => {
    const path = `${root}docs/rfc7143.md`;
    const page = matrixPage(rfc7143Sections, tests);
    const formatted = await format(page, { ...(await resolveConfig(path)), filepath: path });
    await expect(formatted).toMatchFileSnapshot(path);
  });
});

describe('the matrix', () => {
  const file = {
    path: 'packages/iscsi-target/test/unit/login.test.ts',
    text: `
      describe('login (RFC 7143 §6.3)', () => {
        it('takes what comes', () => {});
        it('counts StatSN (§4.2.2.2, §11.13.4)', () => {});
        it('is not meant (RFC 7144 §6.4)', () => {});
      });
      it('cites nothing', () => {});
    `,
  };

  it('takes the section of a test, or else that of its description', () => {
    expect(sectionTests(file).map(({ name, sections }) => [name.slice(0, 6), sections])).toEqual([
      ['takes ', ['6.3']],
      ['counts', ['4.2.2.2', '11.13.4']],
      ['is not', ['6.3']],
    ]);
  });

  it('leaves out sections of other documents', () => {
    expect(citedSections('RFC 7144 §6.3')).toEqual([]);
  });

  it('shows sections that no test names', () => {
    const page = matrixPage(
      [
        ['6.3', 'Login'],
        ['7.1', 'Overview'],
      ],
      sectionTests(file).slice(0, 1),
    );
    expect(page).toContain('1 of 2 sections');
    expect(page.split('\n').filter((line) => /^ *- /.test(line))).toEqual([
      '- **6.3** Login',
      '  - takes what comes (`packages/iscsi-target/test/unit/login.test.ts`)',
      '- **7.1** Overview',
    ]);
  });
});
