import { isBuiltin } from 'node:module';
import ts from 'typescript';
import type { Manifest, TextFile } from './workspace.ts';

/** The import table of docs/architecture.md: folder under `packages/` → folders it may import. */
export const mayImport: Record<string, readonly string[]> = {
  block: [],
  'iscsi-pdu': [],
  scsi: ['block'],
  'iscsi-target': ['iscsi-pdu', 'scsi'],
  'iscsi-initiator': ['iscsi-pdu', 'scsi', 'block'],
  'storage-object': ['block'],
  snapshot: ['block', 'storage-object'],
  nbs: ['block'],
  nbd: ['block'],
  replication: ['snapshot', 'nbs'],
  'device-manager': ['block', 'nbs', 'iscsi-initiator'],
  conformance: ['iscsi-initiator', 'scsi'],
  server: [
    'block',
    'iscsi-pdu',
    'scsi',
    'iscsi-target',
    'iscsi-initiator',
    'storage-object',
    'snapshot',
    'nbs',
    'nbd',
    'replication',
    'device-manager',
    'conformance',
  ],
};

/** Packages from elsewhere that any package may use; two more stay behind one file each. */
const commonThirdParty = ['buffer-layout', 'debug'];
const ownThirdParty: Record<string, readonly string[]> = {
  block: ['koffi'],
  'iscsi-pdu': ['@node-rs/crc32'],
  'device-manager': ['commander', 'yaml'],
  server: ['commander', 'yaml'],
};

/** Optional native code: at most one file of one package may import it, so that its absence is handled once. */
export const behindOneFile: readonly string[] = ['koffi', '@node-rs/crc32'];

/** Node's modules, as far as a folder may use them. The first rule whose folder holds the file decides. */
const builtinRules: readonly { under: RegExp; allowed: (module: string) => boolean; why: string }[] = [
  {
    // The half of a conditional import (`#name` in package.json) that only Node gets to see.
    under: /^packages\/iscsi-pdu\/src\/[^/]*\.node\.ts$/,
    allowed: (module) => module === 'node:module',
    why: 'all it does is to load a native module',
  },
  { under: /^packages\/iscsi-pdu\//, allowed: () => false, why: 'the codec runs in a browser' },
  { under: /^packages\/scsi\//, allowed: () => false, why: 'the device server is sans-I/O' },
  {
    under: /^packages\/iscsi-target\/src\/shell\//,
    allowed: (module) => module !== 'node:fs' && !module.startsWith('node:fs/'),
    why: 'the shell owns sockets, not files',
  },
  { under: /^packages\/iscsi-target\//, allowed: () => false, why: 'the engine is sans-I/O' },
  {
    under: /^packages\/iscsi-initiator\/src\/(shell|cli)\//,
    allowed: () => true,
    why: 'the shell owns sockets and cryptography, the command line files',
  },
  {
    under: /^packages\/iscsi-initiator\//,
    allowed: () => false,
    why: 'the engine is sans-I/O',
  },
  {
    under: /^packages\/nb[sd]\/src\/(shell\/|native-crc32\.node\.ts$)/,
    allowed: (module) => module !== 'node:fs' && !module.startsWith('node:fs/'),
    why: 'the shell owns sockets and cryptography, not files',
  },
  {
    under: /^packages\/nb[sd]\//,
    allowed: () => false,
    why: 'the engines are sans-I/O, the codec runs in a browser',
  },
  {
    under: /^packages\/server\/src\/socket-files\.ts$/,
    allowed: () => true,
    why: 'what killed servers leave behind is looked at by connecting to it',
  },
  {
    under: /^packages\/server\/src\/cli\/control-(socket|connection)\.ts$/,
    allowed: () => true,
    why: 'the control socket and who asks there; iSCSI has its sockets elsewhere',
  },
  {
    under: /^packages\/server\/src\/cli\//,
    allowed: (module) => !isSocketModule(module),
    why: 'the command line reads the secrets that its flags name, not sockets',
  },
  {
    under: /^packages\/device-manager\/src\/cli\//,
    allowed: (module) => !isSocketModule(module),
    why: 'the command line reads the plan and what it names',
  },
  {
    under: /^packages\/block\/src\/real\//,
    allowed: (module) => !isSocketModule(module),
    why: 'the real disk owns files, not sockets',
  },
  {
    under: /./,
    allowed: (module) => !isSocketModule(module) && module !== 'node:fs' && !module.startsWith('node:fs/'),
    why: 'files are touched through the Disk seam of block, sockets in the shell of iscsi-target',
  },
];

function isSocketModule(module: string): boolean {
  return ['node:net', 'node:tls', 'node:dgram'].includes(module);
}

/** Module names a file imports, requires or re-exports, types included. */
export function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((imported) => imported.fileName);
}

/** The package a bare module name belongs to: `@lunbox/block/compliance` → `@lunbox/block`. */
function packageOf(module: string): string {
  return module
    .split('/')
    .slice(0, module.startsWith('@') ? 2 : 1)
    .join('/');
}

/** What a source file of a package imports that it must not, one sentence each. */
export function importViolations(folder: string, file: TextFile): string[] {
  return importsOf(file.text).flatMap((module) => {
    const complaint = complaintAbout(folder, file.path, module);
    return complaint === undefined ? [] : [`${file.path} imports ${module}: ${complaint}`];
  });
}

function complaintAbout(folder: string, path: string, module: string): string | undefined {
  if (module.startsWith('.')) return relativeComplaint(folder, path, module);
  // A subpath import of the package itself; TypeScript refuses one that package.json does not declare.
  if (module.startsWith('#')) return undefined;
  if (isBuiltin(module)) {
    if (!module.startsWith('node:')) return `written node:${module}`;
    const rule = builtinRules.find(({ under }) => under.test(path));
    return rule === undefined || rule.allowed(module) ? undefined : rule.why;
  }
  const name = packageOf(module);
  if (name === 'lunbox') return 'nothing imports the server';
  if (name.startsWith('@lunbox/')) {
    const target = name.slice('@lunbox/'.length);
    return (mayImport[folder] ?? []).includes(target) ? undefined : 'not in the import table';
  }
  const allowed = [...commonThirdParty, ...(ownThirdParty[folder] ?? [])];
  return allowed.includes(name) ? undefined : 'not a dependency this package may have';
}

function relativeComplaint(folder: string, path: string, module: string): string | undefined {
  const target = new URL(module, `file:///${path}`).pathname;
  if (!target.startsWith(`/packages/${folder}/src/`)) return 'reaches out of its package';
  return target.endsWith('.ts') ? undefined : 'a sibling is imported with its .ts extension';
}

/** Where a manifest and the imports of its sources disagree with the table or with each other. */
export function manifestViolations(folder: string, manifest: Manifest, sources: TextFile[]): string[] {
  const declared = [...keys(manifest.dependencies), ...keys(manifest.optionalDependencies)];
  const used = new Set(
    sources
      .flatMap((file) => importsOf(file.text))
      .filter(isForeign)
      .map(packageOf),
  );
  const undeclared = [...used]
    .filter((name) => !declared.includes(name))
    .map((name) => `${folder} imports ${name} and does not declare it`);
  const forbidden = declared
    .filter((name) => complaintAbout(folder, `packages/${folder}/package.json`, name) !== undefined)
    .map((name) => `${folder} declares ${name}, which it may not have`);
  const required = keys(manifest.dependencies)
    .filter((name) => behindOneFile.includes(name))
    .map((name) => `${folder} must declare ${name} as optional`);
  return [...undeclared, ...forbidden, ...required];
}

function keys(record: Record<string, string> | undefined): string[] {
  return Object.keys(record ?? {});
}

function isForeign(module: string): boolean {
  return !/^[.#]/.test(module) && !isBuiltin(module);
}
