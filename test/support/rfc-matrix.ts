import ts from 'typescript';
import { parse, type TextFile } from './workspace.ts';

/** A test, and the sections of RFC 7143 that its name or an enclosing description cites. */
export interface SectionTest {
  readonly path: string;
  readonly name: string;
  readonly sections: readonly string[];
}

/** Sections of RFC 7143 in a name: `§11.16.1` is one, unless another RFC is named with it. */
export function citedSections(name: string): string[] {
  if (/RFC (?!7143)\d+/.test(name)) return [];
  return [...name.matchAll(/§(\d+(?:\.\d+)*)/g)].map(([, section]) => section ?? '');
}

/** The tests of a file that cite sections. A section in a test's own name goes before that of its description. */
export function sectionTests(file: TextFile): SectionTest[] {
  const source = parse(file);
  const found: SectionTest[] = [];
  const visit = (node: ts.Node, outer: readonly string[]): void => {
    const call = ts.isCallExpression(node) ? named(node, source) : undefined;
    const own = call === undefined ? [] : citedSections(call.name);
    const sections = own.length > 0 ? own : outer;
    if (call?.kind === 'test' && sections.length > 0)
      found.push({ path: file.path, name: call.name, sections });
    const inherited = call?.kind === 'describe' ? sections : outer;
    ts.forEachChild(node, (child) => visit(child, inherited));
  };
  visit(source, []);
  return found;
}

function named(
  node: ts.CallExpression,
  source: ts.SourceFile,
): { kind: 'test' | 'describe'; name: string } | undefined {
  const called = /^(it|test|describe)\b/.exec(node.expression.getText(source))?.[1];
  const [name] = node.arguments;
  if (called === undefined || name === undefined || !ts.isStringLiteralLike(name)) return undefined;
  return { kind: called === 'describe' ? 'describe' : 'test', name: name.text };
}

/** A test's name without what it cites in brackets. */
function bare(name: string): string {
  return name.replace(/\s*\((RFC 7143 )?§[^)]*\)/g, '').replace(/\s*\bT-[A-Z]\d+:\s*/g, '');
}

/** The page that lists sections and the tests that hold their rules. */
export function matrixPage(
  sections: readonly (readonly [section: string, title: string])[],
  tests: readonly SectionTest[],
): string {
  const covered = sections.filter(([section]) => tests.some((test) => test.sections.includes(section)));
  const items = sections.map(([section, title]) => {
    const holding = tests.filter((test) => test.sections.includes(section));
    const lines = holding.map(({ name, path }) => `  - ${bare(name)} (\`${path}\`)`);
    return [`- **${section}** ${title}`, ...lines].join('\n');
  });
  return [
    '# RFC 7143, section by section',
    '',
    'Which tests hold the rules of which section of RFC 7143, by the section that a test or its description cites.',
    'A section without a test under it has none that names it: either it only explains, or its rules are yet to be',
    'tested by name.',
    '',
    `${covered.length} of ${sections.length} sections are cited. Made by`,
    '`npx vitest run test/unit/rfc-matrix -u`; do not edit by hand.',
    '',
    ...items,
    '',
  ].join('\n');
}
