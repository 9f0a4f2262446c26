import { NbsServer } from '@lunbox/nbs';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { oneDisk, type MemoryService } from '../../../nbs/test/support/memory-service.ts';
import { captureOutput, type CapturedOutput } from '../../../server/test/support/captured-output.ts';
import { makeTempDirectory, type TempDirectory } from '../../../server/test/support/temp-directory.ts';
import { run } from '../../src/cli/program.ts';
import { journalOf } from '../support/suspended.ts';

let directory: TempDirectory;
let service: MemoryService;
let server: NbsServer;
let output: CapturedOutput;

const noting = (word: string): string => `[sh, -c, 'echo ${word} >> ${directory.file('journal')}']`;
const plan = (): string => `
server: { portals: ['unix:${directory.file('nbs.sock')}'] }
groups:
  app:
    objects: [disk]
    quiesce:
      - command:
          name: queue
          freeze: ${noting('frozen')}
          thaw: ${noting('thawed')}
    restore:
      before: [${noting('stopped')}]
      after: [${noting('started')}]
`;
const manager = (...args: string[]): Promise<number> => run([...args, '--plan', directory.file('plan.yaml')]);

beforeEach(async () => {
  directory = makeTempDirectory('manager');
  service = oneDisk();
  server = new NbsServer({ service, authentication: { anonymous: true } });
  await server.listen({ path: directory.file('nbs.sock') });
  writeFileSync(directory.file('plan.yaml'), plan());
  output = captureOutput();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
  directory.remove();
});

describe('lunbox-manager', () => {
  it('takes a snapshot, tells its steps, and lists it', async () => {
    expect(await manager('snapshot', 'app', '--name', 'one', '--label', 'by=me')).toBe(0);
    expect(output.complained.join('\n')).toContain('suspending');
    expect(output.printed[0]).toContain('disk: snapshot one');
    expect(output.printed[0]).toMatch(/queue: suspended for \d+ ms\nconsistency: application/);
    expect(journalOf(directory.file('journal'))).toEqual(['frozen', 'thawed']);
    expect(await manager('snapshot', 'app', '--name', 'two', '--json')).toBe(0);
    expect(JSON.parse(output.printed[1]!)).toMatchObject({
      level: 'application',
      snapshots: [{ name: 'two' }],
    });
    expect(await manager('status')).toBe(0);
    expect(output.printed[2]).toMatch(/app: disk \(queue\)\n.*application {2}one\n.*application {2}two/);
    expect(await manager('status', '--json')).toBe(0);
    expect(JSON.parse(output.printed[3]!)).toMatchObject([
      { group: 'app', snapshots: [{ name: 'one' }, {}] },
    ]);
  });

  it('restores between the commands of the plan, and stops nothing for what is not there', async () => {
    await manager('snapshot', 'app', '--name', 'one');
    expect(await manager('restore', 'app', 'none')).toBe(1);
    expect(output.complained.at(-1)).toContain('disk has no snapshot none; nothing was done');
    expect(await manager('restore', 'app', 'one')).toBe(0);
    expect(journalOf(directory.file('journal'))).toEqual(['frozen', 'thawed', 'stopped', 'started']);
    expect(service.restored).toEqual(['one']);
    expect(output.printed.at(-2)).toBe('disk: restored to one; what it had is in the snapshot "before one"');
    expect(await manager('restore', 'app', 'one', '--json')).toBe(0);
    expect(JSON.parse(output.printed.at(-1)!)).toMatchObject({ objects: [{ object: 'disk' }] });
  });

  it('has clones made, says where they are, and stops nothing', async () => {
    await manager('snapshot', 'app', '--name', 'day 1');
    expect(await manager('restore', 'app', 'day 1', '--to-clones')).toBe(1);
    expect(output.complained.at(-1)).toContain('cannot clone disk: ');
    const portals = [
      { address: '127.0.0.1', port: 3260 },
      { address: '::1', port: 3260 },
    ];
    service.cloneTarget = { targetName: 'iqn.2026-11.com.example:clone', lun: 4, portals };
    expect(await manager('restore', 'app', 'none', '--to-clones')).toBe(1);
    expect(await manager('restore', 'app', 'day 1', '--to-clones')).toBe(0);
    expect(output.printed.at(-1)).toBe(
      'disk: its copy disk-day-1 is LUN 4 of iqn.2026-11.com.example:clone at 127.0.0.1:3260, [::1]:3260',
    );
    expect(await manager('restore', 'app', 'day 1', '--to-clones', '--json')).toBe(0);
    expect(JSON.parse(output.printed.at(-1)!)).toMatchObject({ clones: [{ object: 'disk', lun: 4 }] });
    expect(journalOf(directory.file('journal'))).toEqual(['frozen', 'thawed']);
    expect(service.restored).toEqual([]);
  });

  it('does not restore when what uses the disks cannot be stopped', async () => {
    await manager('snapshot', 'app', '--name', 'one');
    writeFileSync(
      directory.file('plan.yaml'),
      plan().replace('echo stopped', 'echo still busy >&2; exit 1 #'),
    );
    expect(await manager('restore', 'app', 'one')).toBe(1);
    expect(output.complained.at(-1)).toContain('it ended with 1: still busy');
    expect(service.restored).toEqual([]);
  });

  it('tells what is wrong with the plan or the command line, and what cannot be reached', async () => {
    expect(await manager('snapshot', 'other')).toBe(2);
    expect(output.complained.at(-1)).toBe('lunbox-manager: the plan has no group other; it has app');
    expect(await run(['status', '--plan', directory.file('none')])).toBe(2);
    expect(await manager('snapshot', 'app', '--label', 'none')).toBe(2);
    const idle = `server: { portals: ["unix:${directory.file('nbs.sock')}"] }\ngroups: { app: { objects: [disk] } }\n`;
    writeFileSync(directory.file('plan.yaml'), idle);
    expect(await manager('agent')).toBe(2);
    expect(output.complained.at(-1)).toContain('no group has everyMs or quiesce');
    writeFileSync(directory.file('plan.yaml'), plan().replace('[disk]', '[other]'));
    expect(await manager('status')).toBe(0);
    expect(output.printed.at(-1)).toContain('cannot open other');
    expect(await manager('snapshot', 'app')).toBe(1);
    expect(journalOf(directory.file('journal'))).toEqual([]);
  });

  it('is an agent that takes snapshots at their times until it is stopped', async () => {
    writeFileSync(
      directory.file('plan.yaml'),
      plan().replace('    restore:', '    everyMs: 50\n    restore:'),
    );
    const running = manager('agent', '--json');
    while (output.printed.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    process.emit('SIGTERM');
    expect(await running).toBe(0);
    for (const line of output.printed)
      expect(JSON.parse(line)).toMatchObject({ group: 'app', level: 'application' });
    const journal = journalOf(directory.file('journal'));
    expect(journal.filter((word) => word === 'frozen')).toHaveLength(journal.length / 2);
    expect(service.taken.size).toBe(output.printed.length);
  });
});
