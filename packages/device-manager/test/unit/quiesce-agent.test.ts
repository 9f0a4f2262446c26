import { connectNbs, NbsServer, type NbsClient } from '@lunbox/nbs';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { oneDisk, type MemoryService } from '../../../nbs/test/support/memory-service.ts';
import { QuiesceAgent, type QuiesceDriver, type QuiesceRun } from '../../src/index.ts';

let service: MemoryService;
let connect: () => Promise<NbsClient>;
let journal: string[];
let runs: QuiesceRun[];

beforeEach(async () => {
  service = oneDisk();
  [journal, runs] = [[], []];
  service.delay = async () => void journal.push('snapshot');
  const server = new NbsServer({ service, authentication: { anonymous: true } });
  const [host = '', port] = (await server.listen({ host: '127.0.0.1', port: 0 })).split(':');
  onTestFinished(() => server.close());
  connect = async () => {
    const client = await connectNbs({ portals: [{ host, port: Number(port) }] });
    onTestFinished(() => client.close());
    return client;
  };
});

function driver({ fails = false, holds = true, delay = () => Promise.resolve() } = {}): QuiesceDriver {
  return {
    name: 'app',
    layer: 'application',
    suspend: async () => {
      await delay();
      if (fails) throw new Error('it is busy');
      journal.push('suspend');
      return {
        resume: async () => {
          journal.push('resume');
          return holds;
        },
      };
    },
  };
}

/** An agent that has subscribed; answers what stops it. */
async function running(...drivers: QuiesceDriver[]): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const groups = [
    { name: 'group', objects: ['disk'], drivers },
    { name: 'nothing to suspend', objects: ['none'], drivers: [] },
  ];
  const client = await connect();
  const ended = new QuiesceAgent(client, groups, (run) => runs.push(run)).run(stop.signal);
  // Its requests are answered in order.
  for (let turn = 0; turn < 5; turn++) await client.request('PING');
  return async () => {
    stop.abort();
    await ended;
  };
}

async function take(): Promise<unknown> {
  const client = await connect();
  const { handle } = (await client.request('OPEN', { fields: { name: 'disk', readOnly: true } })).fields;
  const fields = { name: 's', quiesce: true, readyMs: 2000 } as const;
  return (await client.request('SNAPSHOT_CREATE', { handle: handle!, fields })).fields.snapshot?.[0];
}

it('suspends what uses the disk when the server asks, and resumes it', async () => {
  const stop = await running(driver());
  expect(await take()).toMatchObject({ level: 'application' });
  expect(journal).toEqual(['suspend', 'snapshot', 'resume']);
  expect(runs).toMatchObject([{ groups: ['group'], level: 'application', stuck: undefined }]);
  await stop();
  journal = [];
  expect(await take()).toMatchObject({ level: 'crash' });
  expect(journal).toEqual(['snapshot']);
});

it('tells why it cannot, and what had gone on before', async () => {
  const refusing = await running(driver({ fails: true }));
  await expect(take()).rejects.toMatchObject({
    message: expect.stringContaining('app: it is busy') as string,
  });
  expect(runs.at(-1)).toMatchObject({ level: undefined });
  await refusing();
  const early = await running(driver({ holds: false }));
  await expect(take()).rejects.toMatchObject({ status: 'QUIESCE_FAILED' });
  expect([...service.taken.keys()]).toEqual([]);
  await early();
});

it('leaves nothing suspended when it is stopped in the middle', async () => {
  let release = (): void => undefined;
  const slow = new Promise<void>((resolve) => (release = resolve));
  const stop = await running(driver({ delay: () => slow }));
  const taking = take();
  taking.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const stopped = stop();
  release();
  await stopped;
  expect(journal.filter((each) => each !== 'snapshot')).toEqual(['suspend', 'resume']);
  await expect(taking).rejects.toMatchObject({ status: 'QUIESCE_FAILED' });
});
