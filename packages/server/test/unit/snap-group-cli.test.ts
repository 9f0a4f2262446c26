import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ControlSocket } from '../../src/cli/control-socket.ts';
import { control } from '../../src/cli/control-verbs.ts';
import { run } from '../../src/cli/program.ts';
import { createServer } from '../../src/server.ts';
import { captureOutput } from '../support/captured-output.ts';
import { controlledBy } from '../support/controlled.ts';

let folder: string;
let paths: string[];
let printed: string[];
let complained: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunbox-group-'));
  paths = ['a.lun', 'b.lun', 'c.lun'].map((name) => join(folder, name));
  ({ printed, complained } = captureOutput());
  for (const path of paths) expect(await run(['create', path, '--size', '1M', '--quiet'])).toBe(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

async function lines(...words: string[]): Promise<string[]> {
  printed.length = 0;
  expect(await run(['snap', ...words]), complained.join('\n')).toBe(0);
  return [...printed];
}

it('takes snapshots of several disks at one instant, and tells of the group', async () => {
  const [a, b, c] = paths as [string, string, string];
  const [told] = await lines('create', a, b, c, '--name', 'g', '--label', 'job=nightly', '--json');
  const taken = JSON.parse(told!) as { group: string };
  const snapshot = { name: 'g', labels: { job: 'nightly' }, group: { id: taken.group } };
  expect(taken).toMatchObject({ event: 'created', members: paths.map((disk) => ({ disk, snapshot })) });
  const note = `with 2 more of group ${taken.group.slice(0, 8)}`;
  for (const path of paths) expect((await lines('ls', path)).join('\n')).toContain(note);
  expect(await lines('rm', b, 'g')).toEqual([
    'snapshot g is deleted; the 2 others of its group are left alone',
  ]);
  expect(await lines('create', a, b, '--name', 'h')).toEqual([
    `snapshot h of 2 disks is created: ${a}, ${b}`,
  ]);
  expect(await run(['snap', 'create', b, a, '--name', 'h'])).toBe(1);
  expect(complained.join('')).toContain('there is a snapshot h already');
  expect(await run(['snap', 'create', b, a, '--method', 'reflink'])).not.toBe(0);
  expect(await run(['snap', 'create', b, b])).not.toBe(0);
});

it('has a server take them of disks that it serves', async () => {
  const [a, b] = paths as [string, string];
  const luns = [{ path: a }, { path: b }];
  const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns }] });
  await server.start();
  const controlled = await controlledBy(server);
  const path = join(folder, 'control.sock');
  const socket = await ControlSocket.open(path, (request, asker) => control(controlled, request, asker));
  try {
    const [told] = await lines('create', '1', a, '--name', 'g', '--control', path, '--json');
    expect(JSON.parse(told!)).toMatchObject({ members: [{ disk: b }, { disk: a }] });
    expect(server.snapshots(0).set.find('g').group).toEqual(server.snapshots(1).set.find('g').group);
    expect(await run(['snap', 'create', '0', a, '--control', path])).not.toBe(0);
    expect(complained.join('')).toContain('named twice');
    expect(await run(['snap', 'create', '0', '7', '--control', path])).not.toBe(0);
  } finally {
    await socket.close();
    await server.stop();
  }
});
