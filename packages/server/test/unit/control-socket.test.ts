import { BlockError } from '@lunbox/block';
import { TargetError } from '@lunbox/iscsi-target';
import { ContainerError } from '@lunbox/storage-object';
import { once } from 'node:events';
import { existsSync, linkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ControlConnection } from '../../src/cli/control-connection.ts';
import { ControlSocket } from '../../src/cli/control-socket.ts';
import { ServerError } from '../../src/index.ts';
import { startDaemon } from '../support/processes.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

/** Listens, and never takes a connection. */
const DEAF_SERVER = `
  const deaf = new Int32Array(new SharedArrayBuffer(4));
  const block = () => { require('node:fs').writeSync(1, 'ready\\n'); Atomics.wait(deaf, 0, 0); };
  require('node:net').createServer().listen({ path: process.argv[1], backlog: 1 }, block);
`;

describe.skipIf(process.platform === 'win32')('a control socket', () => {
  let directory: TempDirectory;
  let path: string;

  beforeEach(() => {
    directory = makeTempDirectory('control-socket');
    path = directory.file('control.sock');
  });

  afterEach(() => directory.remove());

  const open = async (at = path): Promise<ControlSocket> => {
    const socket = await ControlSocket.open(at, async () => ({ result: 'here' }));
    onTestFinished(() => socket.close());
    return socket;
  };
  /** Connects, and answers the code of what kept it from that. */
  const knock = async (): Promise<string | undefined> => {
    const socket = connect(path);
    onTestFinished(() => void socket.destroy());
    return once(socket, 'connect').then(
      () => undefined,
      ({ code }: NodeJS.ErrnoException) => code,
    );
  };

  it.each([
    new ServerError('SERVER_WRONG_STATE', 'has no medium'),
    new TargetError({ code: 'SERVER_CLOSED' }),
    new ContainerError('CONTAINER_NOT_FOUND', 'there is no such file', { path: 'x.lun' }),
    new BlockError('BLOCK_IO', 'cannot flush'),
  ])('tells the asker why something was not done, and goes on: $name', async (error) => {
    const socket = await ControlSocket.open(path, () => Promise.reject(error));
    onTestFinished(() => socket.close());
    const asked = await ControlConnection.open(path, { verb: 'insert', lun: 0 });
    await expect(asked.answer()).rejects.toMatchObject({ code: error.code, message: error.message });
    expect(await knock()).toBeUndefined();
  });

  it('takes the place of one that was left behind', async () => {
    const dead = createServer().listen(directory.file('dead'));
    await once(dead, 'listening');
    linkSync(directory.file('dead'), path);
    await new Promise((closed) => dead.close(closed));
    expect(await knock()).toBe('ECONNREFUSED');
    await open();
    expect(await knock()).toBeUndefined();
  });

  it.skipIf(process.platform !== 'linux')(
    'never takes the place of a server that is too busy to answer',
    async () => {
      const deaf = await startDaemon(process.execPath, ['-e', DEAF_SERVER, path], {
        isReadyLine: (line) => line === 'ready',
      });
      onTestFinished(async () => void (await deaf.end('SIGKILL')));
      const knocks: (string | undefined)[] = [];
      for (let count = 0; count < 4; count += 1) knocks.push(await knock());
      expect(knocks.at(-1)).toBe('EAGAIN');
      await expect(open()).rejects.toMatchObject({
        code: 'SERVER_CONTROL_UNAVAILABLE',
        message: expect.stringContaining(`${path}: EAGAIN`),
      });
      expect(existsSync(path)).toBe(true);
    },
  );

  it.each([
    ['of a server that listens', 'control.sock', /another server listens there/],
    ['of a file', 'precious', /there is a file of that name/],
    ['in a directory that is not there', 'none/control.sock', /: E(NOENT|ACCES)$/],
    ['under a file', 'precious/control.sock', /: E(NOTDIR|ACCES)$/],
  ])('is refused in the place %s', async (_what, name, message) => {
    await open();
    writeFileSync(directory.file('precious'), '');
    await expect(open(directory.file(name))).rejects.toMatchObject({
      code: 'SERVER_CONTROL_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
  });

  it.each(['', '0', '3261', ' 7 '])('is never a TCP port: %j', async (port) => {
    await expect(open(port)).rejects.toThrow(/write \.\/ before it/);
  });
});
