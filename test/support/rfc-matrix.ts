import ts from 'typescript';
import { type RfcRule, ruleState, sectionOf } from './rfc-rule.ts';
import { parse, type TextFile } from './workspace.ts';

/** A test by name, and the sections of RFC 7143 that its name or an enclosing description cites. */
export interface NamedTest {
  readonly path: string;
  /** As written: of `it.each`, the template. */
  readonly name: string;
  readonly sections: readonly string[];
}

/** A section's number and title. */
export type Section = readonly [section: string, title: string];

/** Sections of RFC 7143 in a name: `§11.16.1` is one, unless another RFC is named with it. */
export function citedSections(name: string): string[] {
  if (/RFC (?!7143)\d+/.test(name)) return [];
  return [...name.matchAll(/§(\d+(?:\.\d+)*)/g)].map(([, section]) => section ?? '');
}

/** Modifiers of a test or a description that may leave it out: a rule is not held by what may not run. */
const LEAVES_OUT: ReadonlySet<string> = new Set(['skip', 'skipIf', 'runIf', 'todo', 'fails']);

/**
 * The tests of a file that always run. A section in a test's own name goes before that of its description.
 */
export function namedTests(file: TextFile): NamedTest[] {
  const source = parse(file);
  const found: NamedTest[] = [];
  const visit = (node: ts.Node, outer: readonly string[]): void => {
    const call = ts.isCallExpression(node) ? named(node) : undefined;
    if (call?.leftOut === true) return;
    const own = call === undefined ? [] : citedSections(call.name);
    const sections = own.length > 0 ? own : outer;
    if (call?.kind === 'test') found.push({ path: file.path, name: call.name, sections });
    const inherited = call?.kind === 'describe' ? sections : outer;
    ts.forEachChild(node, (child) => visit(child, inherited));
  };
  visit(source, []);
  return found;
}

interface NamedCall {
  readonly kind: 'test' | 'describe';
  readonly name: string;
  readonly leftOut: boolean;
}

function named(node: ts.CallExpression): NamedCall | undefined {
  const [called = '', ...modifiers] = chain(node.expression);
  const [name] = node.arguments;
  if (!/^(it|test|describe)$/.test(called)) return undefined;
  if (name === undefined || !ts.isStringLiteralLike(name)) return undefined;
  const kind = called === 'describe' ? 'describe' : 'test';
  return { kind, name: name.text, leftOut: modifiers.some((modifier) => LEAVES_OUT.has(modifier)) };
}

/** The names of what is called, without what it is called with: `it`, `skipIf`, `each` of `it.skipIf(a).each(b)`. */
function chain(called: ts.Expression): string[] {
  if (ts.isIdentifier(called)) return [called.text];
  if (ts.isPropertyAccessExpression(called)) return [...chain(called.expression), called.name.text];
  if (ts.isCallExpression(called)) return chain(called.expression);
  if (ts.isTaggedTemplateExpression(called)) return chain(called.tag);
  return [];
}

/** Tests that rules name and that no file holds, as `<path> > <name>`. */
export function missingTests(rules: readonly RfcRule[], tests: readonly NamedTest[]): string[] {
  const known = new Set(tests.map(({ path, name }) => `${path} > ${name}`));
  return rules.flatMap(ruleTests).filter((test) => !known.has(test));
}

function ruleTests(rule: RfcRule): string[] {
  return Object.entries(rule.tests ?? {}).flatMap(([path, names]) =>
    names.map((name) => `packages/${path} > ${name}`),
  );
}

/** A test's name without what it cites in brackets. */
function bare(name: string): string {
  return name.replace(/\s*\((RFC 7143 )?§[^)]*\)/g, '').replace(/\s*\bT-[A-Z]\d+:\s*/g, '');
}

function totalsTable(rules: readonly RfcRule[]): string[] {
  const chapters = [...new Set(rules.map(({ id }) => id.split(/[.-]/)[0] ?? ''))];
  const row = (title: string, of: readonly RfcRule[]): string => {
    const count = (state: string): number => of.filter((rule) => ruleState(rule) === state).length;
    return `| ${title} | ${of.length} | ${count('tested')} | ${count('reasoned')} | ${count('untested')} |`;
  };
  return [
    '| section | rules | tested | reasoned | untested |',
    '| --- | --- | --- | --- | --- |',
    ...chapters.map((chapter) =>
      row(
        `§${chapter}`,
        rules.filter(({ id }) => id.split(/[.-]/)[0] === chapter),
      ),
    ),
    row('all', rules),
  ];
}

/** Quoted words that Markdown would take for its own. */
function plain(words: string): string {
  return words.replace(/[*_<>[\]|`]/g, String.raw`\$&`);
}

function ruleLines(rule: RfcRule): string[] {
  const held = Object.entries(rule.tests ?? {}).flatMap(([path, names]) =>
    names.map((name) => `  - ${bare(name)} (\`${path}\`)`),
  );
  const because =
    rule.because === undefined ? [] : [`  - ${held.length > 0 ? 'but' : 'no test'}: ${rule.because}`];
  const open = ruleState(rule) === 'untested' ? ['  - **untested**'] : [];
  return [`- **${rule.id}** ${rule.level} (${rule.who}): ${plain(rule.says)}`, ...held, ...because, ...open];
}

function sectionLines(
  [section, title]: Section,
  rules: readonly RfcRule[],
  tests: readonly NamedTest[],
): string[] {
  const own = rules.filter((rule) => sectionOf(rule) === section);
  const cited = tests.filter((test) => own.length === 0 && test.sections.includes(section));
  if (own.length === 0 && cited.length === 0) return [];
  return [
    `### ${section} ${title}`,
    '',
    ...own.flatMap(ruleLines),
    ...cited.map(({ name, path }) => `- ${bare(name)} (\`${path.replace('packages/', '')}\`)`),
    '',
  ];
}

/** The page that lists the rules of each section, the tests that hold them, and what has none. */
export function matrixPage(
  sections: readonly Section[],
  rules: readonly RfcRule[],
  tests: readonly NamedTest[],
): string {
  return [
    '# RFC 7143, rule by rule',
    '',
    'Every sentence of RFC 7143 §§4, 6, 7, 8, 11 and 13 that says MUST, SHOULD or their like, and every transition of',
    'the state tables of §8, with the tests that hold it or the reason why none can. The words are the RFC’s; `…`',
    'stands for what is left out. A section without such words is listed where tests cite it.',
    '',
    'The rules and their tests are named in `test/rfc7143/`; this page is made of them by',
    '`npx vitest run test/unit/rfc-matrix -u` and not edited by hand.',
    '',
    ...totalsTable(rules),
    '',
    '## Sections',
    '',
    ...sections.flatMap((section) => sectionLines(section, rules, tests)),
  ].join('\n');
}
