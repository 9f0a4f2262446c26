import { describe, expect, it } from 'vitest';
import {
  findings,
  MAX_COLUMNS,
  MAX_FILE_LINES,
  MAX_FUNCTION_LINES,
  styleRules,
} from '../support/style-rules.ts';
import { filesUnder } from '../support/workspace.ts';

const isText = (path: string) => /\.(ts|mjs|js|json|md|yml|yaml)$|^\.ci\/run$/.test(path);
const files = filesUnder('', isText);

describe('the repository keeps its style', () => {
  it.each(styleRules.map((rule) => ({ name: rule.name, rule })))('$name', ({ rule }) => {
    expect(findings([rule], files).map(({ at, wanted }) => `${at}: ${wanted}`)).toEqual([]);
  });
});

/** Which rules complain of one file. */
const complaints = (path: string, text: string) =>
  findings(styleRules, [{ path, text }]).map(({ rule }) => rule);

const engine = 'packages/iscsi-target/src/engine/session.ts';
const shell = 'packages/iscsi-target/src/shell/portal.ts';
const test = 'packages/scsi/test/unit/sense.test.ts';
const manyLines = (count: number) => 'x();\n'.repeat(count);

describe('each rule finds what it is for', () => {
  it.each([
    ['file length', engine, manyLines(MAX_FILE_LINES + 1)],
    ['function length', engine, `function f() {\n${manyLines(MAX_FUNCTION_LINES - 1)}}`],
    ['line length', engine, 'x'.repeat(MAX_COLUMNS + 1)],
    ['file name', 'packages/scsi/src/vpdPages.ts', ''],
    ['package comment', 'packages/scsi/src/index.ts', 'export {};'],
    ['seeded engine', engine, 'const startMs = Date.now();'],
    ['seeded engine', engine, 'const start = new Date();'],
    ['seeded engine', engine, 'globalThis.setTimeout(f, 10);'],
    ['no BigInt in the data path', engine, 'const lba = 5n;'],
    ['no BigInt in the data path', engine, 'const lba = BigInt(5);'],
    ['lazy log', engine, `const log = debug('lunbox:iscsi-target:session'); log(\`tag \${tag}\`);`],
    ['log namespace', engine, `const log = createDebug('session');`],
    ['no test left out or alone', test, `it.${'only'}('x', () => {});`],
    ['no test left out or alone', test, `describe.concurrent.${'skip'}('x', () => {});`],
    ['no marker left', 'docs/testing.md', 'TO' + 'DO: write this'],
    ['explained exception', engine, `// eslint-${'disable'}-next-line eqeqeq`],
    ['no path of one machine', 'README.md', ['', 'work', 'main'].join('/')],
    ['no registry host', 'package-lock.json', `"resolved": "${'http'}s://example.org/x.tgz"`],
  ])('%s: %s', (rule, path, text) => {
    expect(complaints(path, text)).toEqual([rule]);
  });
});

describe('each rule leaves alone what is right', () => {
  it.each([
    ['a file at its limit', engine, manyLines(MAX_FILE_LINES)],
    ['a function at its limit', engine, `function f() {\n${manyLines(MAX_FUNCTION_LINES - 2)}}`],
    ['time in the shell', shell, 'setTimeout(f, 10); Date.now();'],
    ['a date that is given', engine, 'const day = new Date(ms);'],
    ['a method that is only called like a timer', engine, 'clock.setTimeout(f, 10);'],
    ['a log with arguments', engine, `const log = debug('lunbox:iscsi-target:session'); log('tag %d', tag);`],
    ['a template that is no log', engine, 'throw new Error(`tag ${tag}`);'],
    ['a test that a missing program leaves out', test, `it.skipIf(missing)('x', () => {});`],
    ['a field named skip', test, 'expect(cursor.skip).toBe(1);'],
    [
      'an exception with its reason',
      engine,
      '// eslint-disable-next-line eqeqeq -- null and undefined are one here',
    ],
    ['a path inside the repository', 'README.md', 'see ./work/ and docs/work/'],
  ])('%s', (_what, path, text) => {
    expect(complaints(path, text)).toEqual([]);
  });
});
