import ts from 'typescript';
import type { TextFile } from './workspace.ts';
import { filesUnder, readJson, root } from './workspace.ts';

/** One block of TypeScript in a Markdown file, written as a whole module. */
export interface CodeBlock {
  /** Where it stands, for a person: `README.md:12`. */
  at: string;
  text: string;
}

/** The ```ts blocks of a Markdown file, in their order. */
export function typescriptBlocks(file: TextFile): CodeBlock[] {
  return [...file.text.matchAll(/^```(?:ts|typescript)\n([^]*?)^```$/gm)].map((match) => ({
    at: `${file.path}:${file.text.slice(0, match.index).split('\n').length}`,
    text: match[1] ?? '',
  }));
}

/**
 * The options of the workspace, as `tsconfig.base.json` has them, for code that is only checked: nothing is written,
 * every block is a module, and an example may leave what it has made unused.
 */
function compilerOptions(): ts.CompilerOptions {
  const { compilerOptions: base } = readJson('tsconfig.base.json') as { compilerOptions: object };
  const only = { noEmit: true, composite: false, declaration: false, declarationMap: false };
  const loose = { isolatedDeclarations: false, moduleDetection: 'force', noUnusedLocals: false };
  const { options, errors } = ts.convertCompilerOptionsFromJson({ ...base, ...only, ...loose }, root);
  if (errors.length > 0) throw new Error(errors.map((error) => messageOf(error)).join('\n'));
  return options;
}

function messageOf(diagnostic: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
}

/**
 * Type-checks the blocks against the sources of the workspace, as modules of their own in its root, where they see
 * the same packages as a user's code does. Nothing is written. Returns a line for each complaint.
 */
export function typeErrors(blocks: readonly CodeBlock[]): string[] {
  const virtual = new Map(blocks.map((block, index) => [`${root}markdown-block-${index}.ts`, block]));
  const options = compilerOptions();
  const host = ts.createCompilerHost(options, true);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.readFile = (path) => virtual.get(path)?.text ?? readFile(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const block = virtual.get(path);
    if (block === undefined) return getSourceFile(path, languageVersion, ...rest);
    return ts.createSourceFile(path, block.text, languageVersion, true);
  };

  // Packages declare the modules that have no types of their own beside their sources.
  const ambient = filesUnder('packages', (path) => /\/src\/.*\.d\.ts$/.test(path)).map(
    ({ path }) => root + path,
  );
  const program = ts.createProgram([...virtual.keys(), ...ambient], options, host);
  return [...virtual].flatMap(([path, { at }]) => {
    const source = program.getSourceFile(path);
    const diagnostics = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    return diagnostics.map((diagnostic) => `${at}: ${messageOf(diagnostic)}`);
  });
}
