import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { makeTempDirectory } from '../../../server/test/support/temp-directory.ts';
import { commandDriver, fsfreezeDriver, httpDriver } from '../../src/index.ts';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { journaled, journalOf, until } from '../support/suspended.ts';

const LIMITS = { readyTimeoutMs: 10_000, holdLimitMs: 60_000 };

function journalPath(): string {
  const directory = makeTempDirectory('guard');
  onTestFinished(() => directory.remove());
  return directory.file("it's a journal");
}

it('suspends, holds until it is told to resume, and says that it held', async () => {
  const path = journalPath();
  const suspension = await commandDriver('app', journaled(path)).suspend(LIMITS);
  expect(journalOf(path)).toEqual(['frozen']);
  expect(await suspension.resume()).toBe(true);
  expect(journalOf(path)).toEqual(['frozen', 'thawed']);
});

it('resumes by itself when the limit is over, and says so', async () => {
  const path = journalPath();
  const suspension = await commandDriver('app', journaled(path)).suspend({ ...LIMITS, holdLimitMs: 100 });
  await until(() => journalOf(path).includes('thawed'));
  expect(await suspension.resume()).toBe(false);
  expect(journalOf(path)).toEqual(['frozen', 'thawed']);
});

it('runs the thaw after a freeze that has failed, and tells what it said', async () => {
  const path = journalPath();
  const driver = commandDriver('app', journaled(path, 'echo no such database >&2; exit 1'));
  await expect(driver.suspend(LIMITS)).rejects.toThrow('it was not suspended: no such database');
  expect(journalOf(path)).toEqual(['frozen', 'thawed']);
});

it('gives up a freeze that takes too long, and runs the thaw after it has ended', async () => {
  const path = journalPath();
  const driver = commandDriver('app', journaled(path, 'sleep 30'));
  await expect(driver.suspend({ ...LIMITS, readyTimeoutMs: 200 })).rejects.toThrow('not suspended');
  expect(journalOf(path)).toEqual(['frozen', 'thawed']);
});

it('tells of a thaw that has failed', async () => {
  const commands = { freeze: ['true'], thaw: ['sh', '-c', 'echo stuck >&2; exit 7'] } as const;
  const suspension = await commandDriver('app', commands).suspend(LIMITS);
  await expect(suspension.resume()).rejects.toThrow('it was not resumed: stuck');
});

it('resumes when the manager is killed', async () => {
  const path = journalPath();
  const program = fileURLToPath(new URL('../support/suspend-and-wait.ts', import.meta.url));
  const flags = ['--import', 'tsx', '--conditions=@lunbox/source'];
  const manager = spawn(process.execPath, [...flags, program, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(manager.stdout, 'data');
  expect(journalOf(path)).toEqual(['frozen']);
  manager.kill('SIGKILL');
  await until(() => journalOf(path).includes('thawed'));
});

it('asks an application by HTTP', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.statusCode = request.url === '/refuse' ? 409 : 204;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const suspension = await httpDriver('app', { freeze: `${base}/freeze`, thaw: `${base}/thaw` }).suspend(
    LIMITS,
  );
  expect(await suspension.resume()).toBe(true);
  expect(asked).toEqual(['POST /freeze', 'POST /thaw']);
  const refusing = httpDriver('app', { freeze: `${base}/refuse`, thaw: `${base}/thaw` });
  await expect(refusing.suspend(LIMITS)).rejects.toThrow('the answer is 409');
});

it('says why a file system cannot be frozen', async () => {
  await expect(fsfreezeDriver('/no/such/mount').suspend(LIMITS)).rejects.toThrow('/no/such/mount');
});
