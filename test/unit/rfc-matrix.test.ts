import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { rfc7143Rules } from '../rfc7143/index.ts';
import { citedSections, matrixPage, missingTests, namedTests } from '../support/rfc-matrix.ts';
import { compareIds, type RfcRule, ruleState, sectionOf } from '../support/rfc-rule.ts';
import { rfc7143Sections } from '../support/rfc7143-sections.ts';
import { root, testSources } from '../support/workspace.ts';

const tests = testSources()
  .filter(({ path }) => /^packages\//.test(path))
  .flatMap(namedTests);

const idsOf = (rules: readonly RfcRule[]) => rules.map(({ id }) => id);

describe('the rules of RFC 7143', () => {
  it('have identifiers of their own, in the order of the document', () => {
    expect(idsOf(rfc7143Rules)).toEqual([...new Set(idsOf(rfc7143Rules))].sort(compareIds));
  });

  it('belong to sections that there are', () => {
    const known = new Set(rfc7143Sections.map(([section]) => section));
    expect(idsOf(rfc7143Rules.filter((rule) => !known.has(sectionOf(rule))))).toEqual([]);
  });

  it('quote the word that is their level', () => {
    const spoken = rfc7143Rules.filter(({ level }) => level !== 'transition');
    expect(idsOf(spoken.filter(({ level, says }) => !new RegExp(`\\b${level}\\b`).test(says)))).toEqual([]);
  });

  it('name tests that there are', () => {
    expect(missingTests(rfc7143Rules, tests)).toEqual([]);
  });

  it('have a test or a reason, each of them', () => {
    expect(idsOf(rfc7143Rules.filter((rule) => ruleState(rule) === 'untested'))).toEqual([]);
  });

  // Prettier takes its time over so long a page, the more so beside other tests.
  it('stand in docs/rfc7143.md with their tests', { timeout: 60_000 }, async () => {
    const path = `${root}docs/rfc7143.md`;
    const page = matrixPage(rfc7143Sections, rfc7143Rules, tests);
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
      it.each([1])('cites %s', () => {});
    `,
  };
  const rule = { id: '6.3-1', level: 'MUST', who: 'target', says: 'A MUST [b].' } as const;
  const held = { ...rule, tests: { 'iscsi-target/test/unit/login.test.ts': ['cites %s'] } };

  it('takes the section of a test, or else that of its description', () => {
    expect(namedTests(file).map(({ name, sections }) => [name.slice(0, 6), sections])).toEqual([
      ['takes ', ['6.3']],
      ['counts', ['4.2.2.2', '11.13.4']],
      ['is not', ['6.3']],
      ['cites ', []],
    ]);
  });

  it.each([
    `it.${'skip'}('may not run', () => {});`,
    `it.${'todo'}('may not run');`,
    `it.skipIf(missing('it'))('may not run', () => {});`,
    `it.${'skip'}.each([1])('may not run', () => {});`,
    `describe.skipIf(missing).each(kinds)('any', () => { it('may not run', () => {}); });`,
    `describe.runIf(there)('any', () => { describe('inner', () => { it('may not run', () => {}); }); });`,
  ])('leaves out a test that may not run: %s', (text) => {
    const always = `it.each([cursor.skip])('runs', () => {});`;
    expect(namedTests({ ...file, text: text + always }).map(({ name }) => name)).toEqual(['runs']);
  });

  it('leaves out sections of other documents', () => {
    expect(citedSections('RFC 7144 §6.3')).toEqual([]);
  });

  it('tells tested, reasoned and untested rules apart', () => {
    const reasoned = { ...rule, because: 'it is for people' };
    expect([held, reasoned, rule, { ...rule, tests: {} }].map(ruleState)).toEqual([
      'tested',
      'reasoned',
      'untested',
      'untested',
    ]);
  });

  it('finds tests that are named and are not there', () => {
    const wrong = { ...rule, tests: { 'iscsi-target/test/unit/login.test.ts': ['cites'] } };
    expect(missingTests([held, wrong], namedTests(file))).toEqual([
      'packages/iscsi-target/test/unit/login.test.ts > cites',
    ]);
  });

  it('orders identifiers by their numbers', () => {
    const ids = ['4.2.2-10', '11.1-1', '4.2-1', '4.2.2-9', '8.1.3-T10', '8.1.3-T9', '4.2.2.1-1'];
    expect([...ids].sort(compareIds)).toEqual([
      ...['4.2-1', '4.2.2-9', '4.2.2-10', '4.2.2.1-1'],
      ...['8.1.3-T9', '8.1.3-T10', '11.1-1'],
    ]);
  });

  it('counts, and shows rules with their tests and sections that only tests cite', () => {
    const page = matrixPage(
      [
        ['6.3', 'Login'],
        ['7.1', 'Overview'],
        ['11.13.4', 'StatSN'],
      ],
      [held, { ...rule, id: '6.3-2' }],
      namedTests(file),
    );
    expect(page).toContain('| §6 | 2 | 1 | 0 | 1 |');
    expect(page.split('\n').filter((line) => /^( *- |###)/.test(line))).toEqual(
      [
        '### 6.3 Login',
        '- **6.3-1** MUST (target): A MUST \\[b\\].',
        '  - cites %s (`iscsi-target/test/unit/login.test.ts`)',
        '- **6.3-2** MUST (target): A MUST \\[b\\].',
        '  - **untested**',
        '### 11.13.4 StatSN',
        '- counts StatSN (`packages/iscsi-target/test/unit/login.test.ts`)',
      ].map((line) => line.replace('packages/', '')),
    );
  });
});
