import { MemoryDevice } from '@lunbox/block';
import { blockDeviceCompliance } from '@lunbox/block/compliance';
import { it } from 'vitest';
import { connectNbs, NbsDisk, NbsServer } from '../../src/index.ts';
import { MemoryService } from '../support/memory-service.ts';

blockDeviceCompliance({
  name: 'NbsDisk',
  create: async () => {
    const device = new MemoryDevice({ size: 1 << 24 });
    const service = new MemoryService([
      { name: 'disk', uuid: '11111111-1111-4111-8111-111111111111', device },
    ]);
    const server = new NbsServer({ service, authentication: { anonymous: true } });
    const [host = '', port] = (await server.listen({ host: '127.0.0.1', port: 0 })).split(':');
    const client = await connectNbs({ portals: [{ host, port: Number(port) }] });
    return {
      device: await NbsDisk.open(client, { name: 'disk' }),
      async dispose() {
        await client.close();
        await server.close();
      },
    };
  },
  test: (title, fn) => {
    it(title, fn);
  },
});
