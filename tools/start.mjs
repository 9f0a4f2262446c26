// `npm start`: builds what must be built, makes a disk the first time, and serves it until Ctrl-C. Further arguments
// go to `lunbox serve`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const disk = relative(process.cwd(), join(root, 'data', 'disk0.lun'));
const host = '127.0.0.1';
const port = 3260;

/** The compiler compares inputs by itself: with nothing to do this takes about a second. */
function build() {
  if (!existsSync(join(root, 'packages/server/dist/cli.js'))) console.log('Building Lunbox, once …');
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-b', root], { encoding: 'utf8' });
  if (status === 0) return true;
  console.error(stdout);
  return false;
}

/** Somebody else at the portal: then no disk is made, and `serve` says what is wrong. */
function portalIsTaken() {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function main() {
  if (!build()) return 1;
  /** @type {{ run(args: string[]): Promise<number> }} */
  const { run } = await import(new URL('../packages/server/dist/cli/program.js', import.meta.url).href);
  const args = process.argv.slice(2);
  if (!existsSync(disk) && !(await portalIsTaken())) {
    mkdirSync(join(root, 'data'), { recursive: true });
    const failed = await run(['create', disk, '--size', '1G', '--quiet']);
    if (failed) return failed;
  }
  return await run([
    'serve',
    disk,
    ...(args.includes('--portal') ? [] : ['--portal', `${host}:${port}`]),
    ...args,
  ]);
}

process.exitCode = await main();
