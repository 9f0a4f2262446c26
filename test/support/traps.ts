import ts from 'typescript';
import type { TextFile } from './workspace.ts';
import { parse, walk } from './workspace.ts';

const trapNumber = /\bT-[A-Z]\d+\b/g;

/** A test that covers traps, by its name. */
export interface TrapTest {
  path: string;
  name: string;
  traps: string[];
}

/** Trap numbers that a text cites, each once. */
export function citedTraps(text: string): string[] {
  return [...new Set(text.match(trapNumber) ?? [])];
}

/** The tests whose names, or whose enclosing descriptions, carry trap numbers. */
export function trapTests(file: TextFile): TrapTest[] {
  const source = parse(file);
  const found: TrapTest[] = [];
  walk(source, (node) => {
    if (!ts.isCallExpression(node)) return;
    const called = node.expression.getText(source);
    const [name] = node.arguments;
    if (!/^(it|test|describe)\b/.test(called) || name === undefined || !ts.isStringLiteralLike(name)) return;
    const traps = citedTraps(name.text);
    if (traps.length > 0) found.push({ path: file.path, name: name.text, traps });
  });
  return found;
}

function inOrder(a: string, b: string): number {
  return a.charAt(2).localeCompare(b.charAt(2)) || Number(a.slice(3)) - Number(b.slice(3));
}

/** A test's name without its trap numbers, and where it stands. */
function item({ path, name }: TrapTest): string {
  const bare = name.replace(/\s*\(?\b(T-[A-Z]\d+(, ?)?)+\)?:?\s*/g, ' ').trim();
  return `  - ${bare} (\`${path}\`)`;
}

/** The page that lists traps and the tests that cover them. */
export function trapsPage(
  traps: string[],
  tests: TrapTest[],
  catalogue: Readonly<Record<string, string>>,
): string {
  const items = [...traps].sort(inOrder).map((trap) => {
    const covering = tests.filter((test) => test.traps.includes(trap)).map(item);
    const below = covering.length > 0 ? covering : ['  - no test yet'];
    return [`- **${trap}** ${catalogue[trap] ?? ''}`, ...below].join('\n');
  });
  return [
    '# Traps',
    '',
    'What real initiators expect and where other targets fell, with the tests that prove it. Sources cite the number',
    'where they heed a trap, tests carry it in their names. L is login and session, K keepalive and flow, W Windows,',
    'V VMware ESXi, N Linux, QEMU, boot loaders and others.',
    '',
    'Made by `npx vitest run test/unit/traps -u`; do not edit by hand.',
    '',
    ...items,
    '',
  ].join('\n');
}
