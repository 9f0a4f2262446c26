import { connectNbs, NbsServer, type NbsClient } from '@lunbox/nbs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { oneDisk, type MemoryService } from '../../../nbs/test/support/memory-service.ts';
import { takeConsistent, type Layer, type QuiesceDriver } from '../../src/index.ts';

let service: MemoryService;
let client: NbsClient;
let journal: string[];

beforeEach(async () => {
  service = oneDisk();
  journal = [];
  const server = new NbsServer({ service, authentication: { anonymous: true } });
  const [host = '', port] = (await server.listen({ host: '127.0.0.1', port: 0 })).split(':');
  client = await connectNbs({ portals: [{ host, port: Number(port) }] });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
});

/** A driver that writes down what is done to it. */
function driver(name: string, layer: Layer, { fails = false, holds = true } = {}): QuiesceDriver {
  return {
    name,
    layer,
    suspend: async () => {
      journal.push(`suspend ${name}`);
      if (fails) throw new Error('it is busy');
      return {
        resume: async () => {
          journal.push(`resume ${name}`);
          return holds;
        },
      };
    },
  };
}

const app = driver.bind(undefined, 'app', 'application');
const fs = driver.bind(undefined, 'fs', 'file-system');
const basics = { objects: ['disk'], name: 's' };

describe('a consistent snapshot', () => {
  it('suspends applications first and file systems then, and resumes the other way round', async () => {
    service.delay = async () => void journal.push('snapshot');
    const report = await takeConsistent(client, { ...basics, drivers: [fs(), app()], labels: { by: 'me' } });
    expect(journal).toEqual(['suspend app', 'suspend fs', 'snapshot', 'resume fs', 'resume app']);
    expect(report).toMatchObject({ level: 'application', snapshots: [{ object: 'disk', name: 's' }] });
    expect(report.drivers).toMatchObject([
      { name: 'fs', ready: true, held: true },
      { name: 'app', ready: true, held: true },
    ]);
    expect(service.levels.get('s')).toBe('application');
  });

  it.each([
    [[], 'crash'],
    [[fs()], 'filesystem'],
    [[app()], 'application'],
  ] as const)('of %j has the level %s', async (drivers, level) => {
    expect(await takeConsistent(client, { ...basics, drivers })).toMatchObject({ level });
    expect(service.levels.get('s')).toBe(level);
  });

  it('is not taken when one is not ready: all are resumed, and it is told why', async () => {
    const taking = takeConsistent(client, { ...basics, drivers: [app({ fails: true }), fs()] });
    await expect(taking).rejects.toMatchObject({
      code: 'MANAGER_NOT_READY',
      message: 'no snapshot was taken; app: it is busy',
    });
    expect(journal).toEqual(['suspend app', 'suspend fs', 'resume fs']);
    expect(service.taken.size).toBe(0);
  });

  it('is taken at a lower level where that is good enough', async () => {
    const drivers = [app({ fails: true }), fs()];
    const report = await takeConsistent(client, { ...basics, drivers, whenNotReady: 'lower' });
    expect(report.level).toBe('filesystem');
    expect(service.levels.get('s')).toBe('filesystem');
  });

  it('is deleted when something has gone on before it was taken', async () => {
    const taking = takeConsistent(client, { ...basics, drivers: [app({ holds: false })] });
    await expect(taking).rejects.toMatchObject({ code: 'MANAGER_NOT_HELD' });
    expect(service.taken.size).toBe(0);
    const drivers = [app({ holds: false })];
    const report = await takeConsistent(client, { ...basics, drivers, whenNotReady: 'lower' });
    expect(report.level).toBe('crash');
    expect(service.levels.get('s')).toBe('crash');
  });

  it('is kept, and said to be there, when something cannot be resumed', async () => {
    const stuck = app();
    const suspend = (): ReturnType<QuiesceDriver['suspend']> =>
      Promise.resolve({ resume: () => Promise.reject(new Error('it hangs')) });
    const taking = takeConsistent(client, { ...basics, drivers: [{ ...stuck, suspend }] });
    await expect(taking).rejects.toMatchObject({
      code: 'MANAGER_NOT_RESUMED',
      message: 'not resumed: app: it hangs; there is the snapshot s of disk',
    });
    expect(service.levels.get('s')).toBe('application');
  });

  it('resumes when whoever hears of its steps fails', async () => {
    const onStep = (step: string): void => {
      if (step === 'snapshot') throw new Error('a mistake of the listener');
    };
    await expect(takeConsistent(client, { ...basics, drivers: [app()], onStep })).rejects.toThrow('mistake');
    expect(journal).toEqual(['suspend app', 'resume app']);
  });

  it('gives all drivers one time together', async () => {
    const given: number[] = [];
    const slow = (layer: Layer): QuiesceDriver => ({
      name: layer,
      layer,
      suspend: async ({ readyTimeoutMs }) => {
        given.push(readyTimeoutMs);
        await new Promise((resolve) => setTimeout(resolve, 30));
        return { resume: () => Promise.resolve(true) };
      },
    });
    const drivers = [slow('application'), slow('file-system'), slow('file-system')];
    await takeConsistent(client, { ...basics, drivers, applicationTimeoutMs: 5000 });
    // A fraction of a millisecond is no time for a timer.
    expect(given.every(Number.isInteger)).toBe(true);
    expect(given[1]).toBeLessThan(given[0]! - 20);
    expect(given[2]).toBeLessThan(given[1]! - 20);
  });

  it('that the server takes too late is deleted, and nobody waits for it', async () => {
    service.delay = async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      journal.push('snapshot');
    };
    const taking = takeConsistent(client, { ...basics, drivers: [app()], initiatedTimeoutMs: 20 });
    await expect(taking).rejects.toMatchObject({ code: 'MANAGER_NOT_INITIATED' });
    expect(journal).toEqual(['suspend app', 'resume app', 'snapshot']);
    expect(service.taken.size).toBe(0);
  });

  it('that the server refuses leaves nothing suspended', async () => {
    service.delay = () => Promise.reject(new Error('a mistake of the server'));
    const taking = takeConsistent(client, { ...basics, drivers: [app()] });
    await expect(taking).rejects.toMatchObject({ code: 'MANAGER_REFUSED' });
    expect(journal).toEqual(['suspend app', 'resume app']);
    await expect(
      takeConsistent(client, { ...basics, objects: ['none'], drivers: [app()] }),
    ).rejects.toMatchObject({
      code: 'MANAGER_REFUSED',
      message: /cannot open none/,
    });
  });
});
