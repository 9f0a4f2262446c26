import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startDaemon, type Daemon } from '../support/processes.ts';
import { lunbox, lunboxArguments } from '../support/start-lunbox.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000 });

/** A `qemu-img` that knows a disk of 1 MiB, and takes for ever to convert it. */
const SLOW_QEMU_IMG = `#!/bin/sh
case "$1" in
  info) echo '{"virtual-size": 1048576}' ;;
  convert) echo $$ > "$(dirname "$0")/pid"; exec sleep 600 ;;
esac
`;

let directory: TempDirectory;
let importing: Daemon | undefined;

beforeEach(() => {
  directory = makeTempDirectory('drafts');
});

afterEach(async () => {
  await importing?.end('SIGKILL');
  // It was a process of the import, and outlives it.
  if (existsSync(directory.file('pid'))) process.kill(Number(readFileSync(directory.file('pid'), 'utf8')));
  directory.remove();
});

const drafts = (): string[] => readdirSync(directory.path).filter((name) => name.endsWith('.new'));

it.skipIf(process.platform !== 'linux')(
  'what an import that was killed has left is told of, and deleted; not before it was killed',
  async () => {
    writeFileSync(directory.file('qemu-img'), SLOW_QEMU_IMG, { mode: 0o755 });
    writeFileSync(directory.file('in.qcow2'), 'QFI\xfb', 'latin1');
    const words = ['import', directory.file('in.qcow2'), directory.file('disk.lun')];
    importing = await startDaemon(process.execPath, [...lunboxArguments(), ...words], {
      env: { PATH: `${directory.path}:${process.env['PATH'] ?? ''}` },
      probe: () => Promise.resolve(existsSync(directory.file('pid'))),
    });
    const busy = await lunbox(['check', directory.path]);
    expect([busy.status, busy.stdout]).toEqual([0, expect.stringContaining('(DRAFT_IN_WORK)')]);
    expect((await lunbox(['repair', directory.path, '--apply'])).stdout).toContain('nothing that a repair');
    expect(drafts()).toHaveLength(1);

    await importing.end('SIGKILL');
    const left = await lunbox(['check', directory.path, '--json']);
    expect(left.status).toBe(3);
    expect(JSON.parse(left.stdout)).toMatchObject({
      path: directory.file(drafts()[0]!),
      verdict: 'warning',
      findings: [{ code: 'DRAFT_LEFT' }],
    });
    const listed = await lunbox(['catalog', directory.path]);
    expect([listed.status, listed.stdout]).toEqual([3, expect.stringContaining('(DRAFT_LEFT)')]);
    const planned = await lunbox(['repair', directory.path]);
    expect(planned.stdout).toMatch(/^would: delete .*\.new: \d+ bytes come free\n/);
    expect(drafts()).toHaveLength(1);
    const repaired = await lunbox(['repair', directory.path, '--apply', '--json']);
    expect(repaired.status).toBe(0);
    expect(JSON.parse(repaired.stdout)).toMatchObject({ applied: true, check: { verdict: 'note' } });
    expect(drafts()).toEqual([]);
  },
);
