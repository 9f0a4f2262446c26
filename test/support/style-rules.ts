import ts from 'typescript';
import type { TextFile } from './workspace.ts';
import { lineOf, parse, walk } from './workspace.ts';

/** What is wrong, where, and what is wanted instead. */
export interface Finding {
  rule: string;
  at: string;
  wanted: string;
}

/** One rule of style: which files it judges, and what it says of one of them. */
export interface StyleRule {
  name: string;
  judges: (path: string) => boolean;
  find: (file: TextFile) => { line: number; wanted: string }[];
}

export const MAX_FILE_LINES = 400;
export const MAX_FUNCTION_LINES = 70;
export const MAX_COLUMNS = 120;

const isSource = (path: string): boolean => /^packages\/[^/]+\/src\/.*\.ts$/.test(path);
const isTest = (path: string): boolean => /(^|\/)test\/.*\.ts$/.test(path);
const isCode = (path: string): boolean => isSource(path) || isTest(path) || /^tools\/.*\.mjs$/.test(path);

/**
 * Engines are given time and randomness (`Clock`, `Random`), so that a test replays them from a seed. Left out are
 * the seams' own real implementations, the sockets' shell and the server, which hand the real ones in.
 */
const isEngine = (path: string): boolean =>
  isSource(path) &&
  !path.startsWith('packages/server/') &&
  !/^packages\/(iscsi-target|iscsi-initiator|nbs|nbd)\/src\/(shell|cli)\//.test(path) &&
  !/^packages\/block\/src\/(clock\.ts|random\.ts|real\/)/.test(path);

/**
 * What runs for every command. Left out are the layouts, which are declarations, the calls of the system, and what
 * simulates them.
 */
const isDataPath = (path: string): boolean =>
  /^packages\/(block|iscsi-pdu\/src\/hot|iscsi-target|scsi)\//.test(path) &&
  isSource(path) &&
  !/\/(real|simulated|layouts?)\/|-layout\.ts$/.test(path);

function lines(text: string): string[] {
  return text.split('\n');
}

function findLines(pattern: RegExp, wanted: string): StyleRule['find'] {
  return ({ text }) =>
    lines(text).flatMap((content, index) => (pattern.test(content) ? [{ line: index + 1, wanted }] : []));
}

function findNodes(
  complaintAbout: (node: ts.Node, source: ts.SourceFile) => string | undefined,
): StyleRule['find'] {
  return (file) => {
    const source = parse(file);
    const found: { line: number; wanted: string }[] = [];
    walk(source, (node) => {
      const wanted = complaintAbout(node, source);
      if (wanted !== undefined) found.push({ line: lineOf(source, node), wanted });
    });
    return found;
  };
}

/** Calls that tie an engine to the machine it runs on → what to call instead. */
const unseededCalls: Record<string, string> = {
  'Date.now': 'Clock.nowMs of @lunbox/block',
  'performance.now': 'Clock.nowMs of @lunbox/block',
  'process.hrtime': 'Clock.nowMs of @lunbox/block',
  'Math.random': 'Random of @lunbox/block',
  'crypto.getRandomValues': 'Random of @lunbox/block',
  'crypto.randomUUID': 'Random of @lunbox/block',
  setTimeout: 'Clock.setTimer of @lunbox/block',
  setInterval: 'Clock.setTimer of @lunbox/block',
};

function unseededCall(node: ts.Node, source: ts.SourceFile): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText(source) === 'Date' && !node.arguments?.length) {
    return unseededCalls['Date.now'];
  }
  if (!ts.isCallExpression(node)) return undefined;
  const name = node.expression.getText(source).replace(/^globalThis\./, '');
  return Object.hasOwn(unseededCalls, name) ? unseededCalls[name] : undefined;
}

function longFunction(node: ts.Node, source: ts.SourceFile): string | undefined {
  if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return undefined;
  const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
  const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
  const count = last - first + 1;
  if (count <= MAX_FUNCTION_LINES) return undefined;
  return `a function of ${MAX_FUNCTION_LINES} lines at most, not ${count}`;
}

/** Names in this file that hold a logger: `const log = debug('lunbox:…')`. */
function loggers(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  walk(source, (node) => {
    if (!ts.isVariableDeclaration(node) || node.initializer === undefined) return;
    if (!ts.isCallExpression(node.initializer)) return;
    if (/^(debug|createDebug)$/.test(node.initializer.expression.getText(source))) {
      names.add(node.name.getText(source));
    }
  });
  return names;
}

/** A template is built even when nobody listens; a format with arguments is not. */
function eagerLog(node: ts.Node, source: ts.SourceFile): string | undefined {
  if (!ts.isCallExpression(node) || !node.arguments.some(ts.isTemplateExpression)) return undefined;
  return loggers(source).has(node.expression.getText(source))
    ? `log('… %d', value), without a template`
    : undefined;
}

function foreignNamespace(path: string): (node: ts.Node, source: ts.SourceFile) => string | undefined {
  const folder = path.split('/')[1] ?? '';
  return (node, source) => {
    if (!ts.isCallExpression(node) || !/^(debug|createDebug)$/.test(node.expression.getText(source))) {
      return undefined;
    }
    const [name] = node.arguments;
    const good = name !== undefined && ts.isStringLiteral(name) && name.text.startsWith(`lunbox:${folder}:`);
    return good ? undefined : `debug('lunbox:${folder}:<module>')`;
  };
}

/** Spelled in pieces, so that this file does not find itself. */
const markers = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);
const machinePath = new RegExp(`(^|[^.\\w])/(${['work', 'farm'].join('|')})/`);
const registryHost = new RegExp(`"resolved": *"http|registry\\.${'npmjs'}\\.org`);

/** Every rule, in the order in which the test reports them. */
export const styleRules: readonly StyleRule[] = [
  {
    name: 'file length',
    judges: isSource,
    find: ({ text }) => {
      const count = lines(text.trimEnd()).length;
      const wanted = `a file of ${MAX_FILE_LINES} lines at most, not ${count}: which noun wants a file of its own?`;
      return count > MAX_FILE_LINES ? [{ line: count, wanted }] : [];
    },
  },
  { name: 'function length', judges: isSource, find: findNodes(longFunction) },
  {
    name: 'line length',
    judges: isCode,
    find: findLines(new RegExp(`^.{${MAX_COLUMNS + 1}}`, 'u'), `at most ${MAX_COLUMNS} columns`),
  },
  {
    name: 'file name',
    judges: isCode,
    find: ({ path }) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      return /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)?\.(ts|mjs)$/.test(name)
        ? []
        : [{ line: 1, wanted: 'kebab-case' }];
    },
  },
  {
    name: 'package comment',
    judges: (path) => /^packages\/[^/]+\/src\/index\.ts$/.test(path),
    find: ({ text }) =>
      /^\/\*\*[^]*?@packageDocumentation\s*\*\//.test(text)
        ? []
        : [
            {
              line: 1,
              wanted: 'a first comment that says what the package is and ends in @packageDocumentation',
            },
          ],
  },
  { name: 'seeded engine', judges: isEngine, find: findNodes(unseededCall) },
  {
    name: 'no BigInt in the data path',
    judges: isDataPath,
    find: findNodes((node, source) => {
      const called = ts.isCallExpression(node) && node.expression.getText(source) === 'BigInt';
      return called || ts.isBigIntLiteral(node) ? 'numbers: high * 2 ** 32 + low' : undefined;
    }),
  },
  { name: 'lazy log', judges: isSource, find: findNodes(eagerLog) },
  {
    name: 'log namespace',
    judges: isSource,
    find: (file) => findNodes(foreignNamespace(file.path))(file),
  },
  {
    name: 'no test left out or alone',
    judges: isTest,
    find: findNodes((node, source) => {
      if (!ts.isPropertyAccessExpression(node) || !/^(only|skip|todo|fails)$/.test(node.name.text))
        return undefined;
      const on = node.expression.getText(source);
      return /^(describe|it|test|bench|suite)\b/.test(on) ? 'a test that runs, beside the others' : undefined;
    }),
  },
  {
    name: 'no marker left',
    judges: (path) => isCode(path) || path.endsWith('.md'),
    find: findLines(markers, 'do it, or say it in the issue'),
  },
  {
    name: 'explained exception',
    judges: isCode,
    find: findLines(
      /eslint-disable(?!.* -- \S)/,
      'the reason after two dashes: eslint-disable-… rule -- why',
    ),
  },
  {
    name: 'no path of one machine',
    judges: () => true,
    find: findLines(machinePath, 'a path from the root of the repository'),
  },
  {
    name: 'no registry host',
    judges: (path) => !path.startsWith('test/support/'),
    find: findLines(registryHost, 'nothing: npm knows its registry (omit-lockfile-registry-resolved)'),
  },
];

/** All findings of some rules in some files. */
export function findings(rules: readonly StyleRule[], files: readonly TextFile[]): Finding[] {
  return rules.flatMap((rule) =>
    files
      .filter(({ path }) => rule.judges(path))
      .flatMap((file) =>
        rule.find(file).map(({ line, wanted }) => ({ rule: rule.name, at: `${file.path}:${line}`, wanted })),
      ),
  );
}
