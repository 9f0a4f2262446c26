// `npm run release:check`: are the packages, as they would be published, what they claim to be?
//
// After `npm run build`: publint and attw judge each tarball's manifest and types; then all tarballs are installed into
// an empty folder, without running install scripts, and each package is imported and its command started.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packages } from './packages.mjs';
import { run, runBin } from './process.mjs';

const LIMIT_MS = 5 * 60_000;
let failures = 0;

/** @param {string} what @param {import('./process.mjs').Outcome} outcome */
function report(what, { code, output }) {
  const passed = code === 0;
  if (!passed) failures++;
  console.log(` ${passed ? '✓' : '✗'} ${what}`);
  if (!passed) console.log(output);
  return passed;
}

/** @param {string} folder where the tarballs go */
async function judgeTarballs(folder) {
  mkdirSync(folder);
  const pack = await run('npm', ['pack', '--workspaces', '--pack-destination', folder], {
    limitMs: LIMIT_MS,
  });
  if (!report('npm pack', pack)) return [];
  const tarballs = readdirSync(folder).map((name) => join(folder, name));
  for (const { path, manifest } of packages()) {
    report(`publint ${manifest['name']}`, await runBin('publint', [path, '--strict'], { limitMs: LIMIT_MS }));
  }
  for (const tarball of tarballs) {
    const what = `attw ${tarball.slice(folder.length + 1)}`;
    report(what, await runBin('attw', [tarball, '--profile', 'esm-only'], { limitMs: LIMIT_MS }));
  }
  return tarballs;
}

/** @param {string} folder an empty project @param {string[]} tarballs */
async function tryAsUser(folder, tarballs) {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const install = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs];
  if (!report('install the tarballs', await run('npm', install, { limitMs: LIMIT_MS }))) return;

  for (const { manifest } of packages()) {
    const script = join(folder, 'try.mjs');
    writeFileSync(
      script,
      `import * as all from '${manifest['name']}';\nif (Object.keys(all).length === 0) throw 'empty';\n`,
    );
    report(`import ${manifest['name']}`, await run(process.execPath, [script], { limitMs: LIMIT_MS }));
    for (const command of Object.keys(manifest['bin'] ?? {})) {
      const program = join(folder, 'node_modules', '.bin', command);
      report(`${command} --help`, await run(program, ['--help'], { limitMs: LIMIT_MS }));
    }
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'lunbox-release-'));
try {
  const tarballs = await judgeTarballs(join(scratch, 'tarballs'));
  if (tarballs.length > 0) await tryAsUser(join(scratch, 'user'), tarballs);
} finally {
  rmSync(scratch, { recursive: true });
}
console.log(failures === 0 ? 'the packages can be published' : `${failures} checks failed`);
process.exitCode = failures === 0 ? 0 : 1;
