import { IscsiSession, systemSeams } from '@lunbox/iscsi-initiator';
import { connectNbs } from '@lunbox/nbs';
import { CatalogScanner, StorageObject } from '@lunbox/storage-object';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AccessWatcher } from '../../src/cli/access-watcher.ts';
import { ConfigReload } from '../../src/cli/config-reload.ts';
import { control } from '../../src/cli/control-verbs.ts';
import { ControlSocket } from '../../src/cli/control-socket.ts';
import { run } from '../../src/cli/program.ts';
import { readConfig } from '../../src/cli/read-config.ts';
import { settingsFromConfig } from '../../src/cli/serve-settings.ts';
import { SourceFiles } from '../../src/cli/source-files.ts';
import { createServer } from '../../src/index.ts';
import { captureOutput } from '../support/captured-output.ts';
import { controlledBy } from '../support/controlled.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const IQN = 'iqn.2026-11.com.example:reload';

let directory: TempDirectory;
let file: string;

beforeEach(async () => {
  directory = makeTempDirectory('reload');
  file = directory.file('lunbox.yaml');
  for (const name of ['a.lun', 'b.lun', 'c.lun'])
    await (await StorageObject.create(directory.file(name), { sizeBytes: 2 ** 20 })).close();
});

afterEach(() => {
  vi.restoreAllMocks();
  directory.remove();
});

const HEAD = 'portals: [{address: "127.0.0.1:0"}]\n';
const write = (text: string): void => writeFileSync(file, HEAD + text);

/** A server that runs by the file, as `lunbox serve --config` starts it. */
async function serving(text: string) {
  write(text);
  const config = readConfig(file);
  const settings = await settingsFromConfig(config, new CatalogScanner());
  const { luns, nbs, portals } = settings;
  const files = new SourceFiles();
  const access = settings.readAccess(files);
  const targets = [{ iqn: IQN, luns, access }];
  const server = await createServer({ portals: portals!, targets, ...(nbs ? { nbs } : {}) });
  await server.start();
  const watcher = new AccessWatcher(settings.readAccess, files, (entries) => server.setAccess(entries));
  const reload = new ConfigReload(server, watcher, config);
  onTestFinished(async () => {
    watcher.close();
    await server.stop({ timeoutMs: 0 });
  });
  const login = async (initiatorName = 'iqn.2026-11.com.example:host'): Promise<IscsiSession> => {
    const [host = '', port] = server.portals[0]!.split(':');
    const options = { portal: { host, port: Number(port) }, targetName: IQN, initiatorName };
    const session = new IscsiSession({ ...options, reconnect: { timeoutMs: 0 } }, systemSeams());
    await session.open();
    onTestFinished(() => session.close());
    return session;
  };
  const served = () => server.targets[0]!.luns.map(({ lun, path }) => [lun, path!.slice(-5)]);
  return { server, reload, login, served };
}

const now = (what: string) => ({ key: 'luns', what: expect.stringMatching(what) as string, when: 'now' });

describe('a configuration that changes', () => {
  it('differs in nothing from the server that was started with it', async () => {
    const { reload } = await serving('luns: [{file: a.lun}, {file: b.lun, readOnly: true}]\n');
    expect(await reload.diff(file)).toEqual([]);
    expect(await reload.apply(file)).toEqual([]);
  });

  it('changes the LUNs, and tells before what it will do', async () => {
    const { reload, served } = await serving('luns: [{file: a.lun}, {file: b.lun, lun: 3}]\n');
    write('luns: [{file: c.lun}, {file: b.lun, lun: 3, readOnly: true}]\n');
    const changes = [
      now('^LUN 0 .*a.lun. is detached'),
      now('^LUN 3 .*b.lun. is detached'),
      now('^LUN 0 .*c.lun. is attached'),
      now('^LUN 3 .*b.lun. is attached'),
    ];
    expect(await reload.diff(file)).toEqual(changes);
    expect(served()).toEqual([
      [0, 'a.lun'],
      [3, 'b.lun'],
    ]);
    expect(await reload.apply(file)).toEqual(changes);
    expect(served()).toEqual([
      [0, 'c.lun'],
      [3, 'b.lun'],
    ]);
    expect(await reload.diff(file)).toEqual([]);
  });

  it('keeps sessions, and does nothing at all while a disk that is to go is in use', async () => {
    const { reload, served, login, server } = await serving('luns: [{file: a.lun}, {file: b.lun}]\n');
    await login();
    write('luns: [{file: a.lun}, {file: c.lun, lun: 5}]\n');
    await expect(reload.apply(file)).rejects.toMatchObject({ code: 'SERVER_WRONG_STATE' });
    expect(served()).toEqual([
      [0, 'a.lun'],
      [1, 'b.lun'],
    ]);
    await reload.apply(file, { force: true });
    expect(served()).toEqual([
      [0, 'a.lun'],
      [5, 'c.lun'],
    ]);
    expect(server.iscsi?.sessions).toHaveLength(1);
  });

  it('takes away what was attached meanwhile, and follows a directory', async () => {
    const { reload, served, server } = await serving('directory: .\n');
    expect(served()).toHaveLength(3);
    const path = directory.file('d.lun');
    await (await StorageObject.create(path, { sizeBytes: 2 ** 20 })).close();
    expect(await reload.apply(file)).toEqual([now('^LUN 3 .*d.lun. is attached')]);
    write(`luns: [{file: a.lun, lun: 0}, {file: b.lun, lun: 1}, {file: c.lun, lun: 2}]\n`);
    expect(await reload.apply(file)).toEqual([now('^LUN 3 .*d.lun. is detached')]);
    await server.live.attach({ path });
    expect(await reload.diff(file)).toEqual([now('^LUN 3 .*d.lun. is detached')]);
  });

  it('changes who may log in, and says what takes a restart', async () => {
    const entry = (name: string) => `access: [{initiator: "iqn.2026-11.com.example:${name}"}]\n`;
    const { reload, login } = await serving(`luns: [{file: a.lun}]\n${entry('host')}`);
    await login();
    write(`luns: [{file: a.lun}]\n${entry('other')}limits: {maxSessions: 3}\n`);
    const changes = await reload.apply(file);
    expect(changes.map(({ key, when }) => [key, when])).toEqual([
      ['access', 'now'],
      ['limits', 'restart'],
    ]);
    await login('iqn.2026-11.com.example:other');
    await expect(login()).rejects.toThrow();
    expect((await reload.diff(file)).map(({ key }) => key)).toEqual(['limits']);
  });

  it('changes who may come in by NBS, one file after the other', async () => {
    const nbs = (names: readonly string[], more = '') => {
      const users = names.map((name) => `{user: ${name}, passwordFile: ${name}.txt}`).join();
      return `luns: [{file: a.lun}]\nnbs: {portals: [{address: "127.0.0.1:0"}], users: [${users}]${more}}\n`;
    };
    for (const name of ['one', 'two']) writeFileSync(directory.file(`${name}.txt`), name, { mode: 0o600 });
    const { reload, server } = await serving(nbs(['one']));
    const [host = '', port] = server.nbsPortals[0]!.split(':');
    const comesIn = async (user: string, password = user) => {
      const portals = [{ host, port: Number(port) }];
      const client = await connectNbs({ portals, credentials: { user, password } });
      onTestFinished(() => client.close());
      return client;
    };
    const early = await comesIn('one');
    await expect(comesIn('two')).rejects.toMatchObject({ status: 'AUTH_FAILED' });
    write(nbs(['two']));
    expect(await reload.diff(file)).toEqual([{ ...now('users'), key: 'nbs' }]);
    const [first, second] = await Promise.all([reload.apply(file), reload.apply(file)]);
    expect([first.length, second.length]).toEqual([1, 0]);
    await comesIn('two');
    await expect(comesIn('one')).rejects.toMatchObject({ status: 'AUTH_FAILED' });
    await early.request('PING');
    writeFileSync(directory.file('two.txt'), 'another');
    expect(await reload.apply(file)).toEqual([]);
    await comesIn('two', 'another');
    write(nbs(['two'], ', directory: .'));
    expect(await reload.apply(file)).toMatchObject([{ key: 'nbs', when: 'restart' }]);
  });

  it('changes nothing when it is wrong', async () => {
    const { reload, served } = await serving('luns: [{file: a.lun}]\n');
    write('luns: [{file: none.lun}]\n');
    await expect(reload.apply(file)).rejects.toThrow(/lunbox.yaml:2:.*there is no /);
    expect(served()).toEqual([[0, 'a.lun']]);
  });
});

describe('lunbox config', () => {
  it('asks the server at the socket that the file names', async () => {
    const text = 'control: control.sock\nluns: [{file: a.lun}]\n';
    const { reload, server, served } = await serving(text);
    const controlled = await controlledBy(server, reload);
    const socket = await ControlSocket.open(directory.file('control.sock'), (request, asker) =>
      control(controlled, request, asker),
    );
    onTestFinished(() => socket.close());
    const output = captureOutput();
    expect(await run(['config', 'diff', file])).toBe(0);
    expect(output.printed.at(-1)).toBe('nothing differs');
    write(`${text.replace('a.lun', 'b.lun')}iqn: ${IQN}\n`);
    expect(await run(['config', 'diff', file])).toBe(0);
    expect(output.printed.slice(-3).map((line) => line.slice(0, 14))).toEqual([
      'now      luns:',
      'now      luns:',
      'restart  iqn: ',
    ]);
    expect(await run(['config', 'apply', file, '--json'])).toBe(0);
    expect(JSON.parse(output.printed.at(-1)!)).toMatchObject({ file, changes: [{ when: 'now' }, {}, {}] });
    expect(served()).toEqual([[0, 'b.lun']]);
    write('luns: [{file: b.lun}]\n');
    expect(await run(['config', 'apply', file])).toBe(2);
    expect(output.complained.at(-1)).toContain('names no control socket');
  });

  it('refuses for a server that has no file', async () => {
    const { server } = await serving('luns: [{file: a.lun}]\n');
    const asker = { begin: () => undefined, progress: () => undefined, ended: Promise.resolve() };
    const asked = control(await controlledBy(server), { verb: 'config-diff', path: file }, asker);
    await expect(asked).rejects.toMatchObject({ code: 'SERVER_WRONG_STATE' });
  });
});
