import { WRITE_10 } from '@lunbox/scsi';
import { StorageObject } from '@lunbox/storage-object';
import { copyFileSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startDaemon, type Daemon } from '../support/processes.ts';
import { ScsiClient } from '../support/scsi-client.ts';
import { lunbox, lunboxArguments, lunboxInfo } from '../support/start-lunbox.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
/** The first MiB. */
const WRITE_MIB = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: MIB / 512 });

interface Told {
  readonly objects: readonly {
    readonly path: string;
    readonly name: string;
    readonly identity: string;
    readonly lun?: number;
    readonly capacityBytes: number;
    readonly usedBytes: number;
    readonly served?: { readonly iqn: string; readonly lun: number };
    readonly findings: readonly { readonly code: string }[];
  }[];
  readonly unusable: readonly { readonly path: string }[];
  readonly gone: readonly string[];
  readonly directories: readonly string[];
}

interface Ready {
  readonly event?: string;
  readonly iqn: string;
  readonly portal: string;
}

describe.skipIf(process.platform === 'win32')('the catalog of a running server', () => {
  let directory: TempDirectory;
  let daemon: Daemon | undefined;
  let ready: Ready | undefined;
  const socket = (): string => directory.file('control.sock');

  beforeEach(async () => {
    directory = makeTempDirectory('catalog');
    for (const name of ['a', 'b', 'c']) {
      const object = await StorageObject.create(directory.file(`${name}.lun`), { sizeBytes: 8 * MIB });
      await object.close();
    }
  });

  afterEach(async () => {
    await daemon?.end('SIGTERM', 15_000);
    directory.remove();
  });

  const serve = async (...args: string[]): Promise<void> => {
    ready = undefined;
    const flags = ['--portal', '127.0.0.1:0', '--json', '--control', socket()];
    daemon = await startDaemon(process.execPath, [...lunboxArguments(), 'serve', ...args, ...flags], {
      isReadyLine: (line) => {
        const value = line.startsWith('{') ? (JSON.parse(line) as Ready) : undefined;
        if (value?.event === 'ready') ready = value;
        return ready !== undefined;
      },
    });
  };
  const client = (): Promise<ScsiClient> => {
    const { portal = '', iqn = '' } = ready ?? {};
    return ScsiClient.ready({
      host: '127.0.0.1',
      port: Number(portal.split(':').at(-1)),
      iqn,
      initiator: 1,
    });
  };
  const control = async (...words: string[]): Promise<string> => {
    const { status, stdout, output } = await lunbox(['control', socket(), ...words]);
    expect(status, output).toBe(0);
    return stdout;
  };
  const told = async (verb: 'catalog' | 'rescan' = 'catalog'): Promise<Told> =>
    JSON.parse(await control(verb, '--json')) as Told;
  /** Names, the LUNs that they are, and what is found of them. */
  const brief = ({ objects }: Told): unknown[] =>
    objects.map(({ name, served, findings }) => [name, served?.lun, ...findings.map(({ code }) => code)]);

  it('has the objects by name, identity and LUN, and follows what initiators and control do to them', async () => {
    await serve(directory.file('a.lun'), directory.file('b.lun'), '--removable', '1');
    const first = await told();
    expect(brief(first)).toEqual([
      ['a.lun', 0],
      ['b.lun', 1],
      ['c.lun', undefined],
    ]);
    expect(first).toMatchObject({ directories: [directory.path], gone: [], unusable: [] });
    const [a] = first.objects;
    expect(a).toMatchObject({
      path: directory.file('a.lun'),
      identity: (await lunboxInfo(directory.file('a.lun')))['identity'],
      lun: 0,
      served: { iqn: ready?.iqn, lun: 0 },
      capacityBytes: 8 * MIB,
    });
    const table = await control('catalog');
    expect(table).toMatch(/^\S+a\.lun {2}\S+ {2}8 MiB, .* used {2}LUN 0 {2}served here$/m);
    expect(table).toMatch(/^\S+c\.lun {2}\S+ {2}8 MiB, \d.* used$/m);
    expect(readdirSync(directory.path)).not.toContain('.lunbox-catalog');

    const initiator = await client();
    expect((await initiator.send(WRITE_MIB, Buffer.alloc(MIB, 7))).status).toBe(0);
    expect((await told()).objects[0]!.usedBytes).toBeGreaterThanOrEqual(a!.usedBytes + MIB);
    await control('resize', '0', '16M');
    expect((await told()).objects[0]).toMatchObject({ capacityBytes: 16 * MIB });

    await control('eject', '1');
    expect(brief(await told())[1]).toEqual(['b.lun', undefined]);
    await control('insert', '1', directory.file('c.lun'));
    expect(brief(await told())).toEqual([
      ['a.lun', 0],
      ['b.lun', undefined],
      ['c.lun', 1],
    ]);
    await initiator.close();
  });

  it('follows a disk that an initiator has to another name, and tells of files that come and go', async () => {
    await serve(directory.file('a.lun'));
    const initiator = await client();
    renameSync(directory.file('a.lun'), directory.file('z.lun'));
    expect(brief(await told())[0]).toEqual(['a.lun', 0, 'FILE_GONE']);
    expect(brief(await told('rescan'))).toEqual([
      ['b.lun', undefined],
      ['c.lun', undefined],
      ['z.lun', 0, 'RENAMED'],
    ]);
    // It is served on, whatever it is called, and status tells its space from the open file.
    expect((await initiator.send(WRITE_MIB, Buffer.alloc(MIB, 7))).status).toBe(0);
    const { targets } = JSON.parse(await control('status')) as {
      targets: { luns: { usedBytes: number }[] }[];
    };
    expect(targets[0]!.luns[0]!.usedBytes).toBeGreaterThanOrEqual(MIB);

    copyFileSync(directory.file('c.lun'), directory.file('d.lun'));
    copyFileSync(directory.file('c.lun'), directory.file('e.lun'));
    const kept = await StorageObject.open(directory.file('e.lun'), { foreign: 'keep-identity' });
    await kept.close();
    renameSync(directory.file('b.lun'), directory.file('y.lun'));
    expect(brief(await told('rescan'))).toEqual([
      ['c.lun', undefined, 'IDENTITY_SHARED'],
      ['d.lun', undefined, 'FOREIGN'],
      ['e.lun', undefined, 'IDENTITY_SHARED'],
      ['y.lun', undefined, 'RENAMED'],
      ['z.lun', 0, 'RENAMED'],
    ]);
    for (const name of ['c.lun', 'z.lun']) unlinkSync(directory.file(name));
    const after = await told('rescan');
    // What had another name is remembered as long as the server runs.
    expect(brief(after)).toEqual([
      ['a.lun', 0, 'FILE_GONE'],
      ['d.lun', undefined, 'FOREIGN'],
      ['e.lun', undefined],
      ['y.lun', undefined, 'RENAMED'],
    ]);
    expect(after.gone.map((path) => basename(path)).sort()).toEqual(['c.lun', 'z.lun']);
    expect(await control('catalog')).toMatch(/^gone: \S+c\.lun/m);
    await initiator.close();
  });

  it('is made of a directory that is served, with what the cache on disk says of its past', async () => {
    expect((await lunbox(['catalog', directory.path])).status).toBe(0);
    renameSync(directory.file('b.lun'), directory.file('bb.lun'));
    unlinkSync(directory.file('c.lun'));
    await serve(directory.path);
    const expected = [
      ['a.lun', 0],
      ['bb.lun', 1, 'RENAMED'],
    ];
    const first = await told();
    expect([brief(first), first.gone]).toEqual([expected, [directory.file('c.lun')]]);
    const again = await told('rescan');
    expect([brief(again), again.gone]).toEqual([expected, [directory.file('c.lun')]]);
    const stray = await lunbox(['control', socket(), 'eject', '0', '--json']);
    expect([stray.status, stray.stderr]).toEqual([2, 'lunbox: --json does not belong to eject\n']);
  });
});
