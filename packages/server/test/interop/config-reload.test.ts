import { writeFileSync } from 'node:fs';
import { expect, it, describe } from 'vitest';
import { run, startDaemon, type Finished } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, lunboxArguments } from '../support/start-lunbox.ts';
import { makeTempDirectory } from '../support/temp-directory.ts';

describe.skipIf(!requiresTools('iscsi-ls', 'nbdinfo') || process.platform === 'win32')(
  'lunbox serve --config',
  () => {
    it('serves NBD as the file says, and other disks after config apply and SIGHUP', async () => {
      const directory = makeTempDirectory('reload');
      const file = directory.file('lunbox.yaml');
      for (const name of ['a', 'b', 'c'])
        expect(
          (await lunbox(['create', directory.file(`${name}.lun`), '--size', '8M', '--quiet'])).status,
        ).toBe(0);
      const write = (luns: string): void => {
        const lines = ['portals: [{address: "127.0.0.1:0"}]', 'control: control.sock', `luns: ${luns}`];
        writeFileSync(file, [...lines, 'nbd: {portals: [{socket: nbd.sock}]}', ''].join('\n'));
      };
      write('[{file: a.lun}]');
      const daemon = await startDaemon(
        process.execPath,
        [...lunboxArguments(), 'serve', '--config', file, '--json'],
        { isReadyLine: (line) => line.startsWith('{') },
      );
      try {
        const { portal } = JSON.parse(
          daemon
            .log()
            .split('\n')
            .find((line) => line.startsWith('{'))!,
        ) as { portal: string };
        const list = (): Promise<Finished> =>
          run('iscsi-ls', ['-s', `iscsi://${portal}`], { timeoutMs: 8000 });
        expect((await list()).output.match(/Lun:\d+/g)).toEqual(['Lun:0']);
        const told = await run('nbdinfo', ['--list', `nbd+unix:///?socket=${directory.file('nbd.sock')}`]);
        expect(told.output).toContain('export="a"');

        write('[{file: a.lun}, {file: b.lun, lun: 2}]');
        const applied = await lunbox(['config', 'apply', file]);
        expect(applied.output).toMatch(/^now {6}luns: LUN 2 .* is attached$/m);
        expect((await list()).output.match(/Lun:\d+/g)).toEqual(['Lun:0', 'Lun:2']);

        write('[{file: a.lun}, {file: c.lun, lun: 3}]');
        process.kill(daemon.pid, 'SIGHUP');
        await expect
          .poll(async () => (await list()).output.match(/Lun:\d+/g), { timeout: 10_000 })
          .toEqual(['Lun:0', 'Lun:3']);
      } finally {
        expect(await daemon.end('SIGTERM', 15_000)).toBe(0);
        directory.remove();
      }
    });
  },
);
