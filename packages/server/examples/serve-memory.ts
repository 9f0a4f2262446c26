/** Serves 64 MiB of memory; any other `BlockDevice` is served in the same way. */
import { MemoryDevice } from '@lunbox/block';
import { createServer } from 'lunbox';

const device = new MemoryDevice({ size: 64 * 2 ** 20 });
const identity = Buffer.from('scratch disk 001');
const server = await createServer({
  portals: ['127.0.0.1:0'],
  targets: [{ iqn: 'iqn.2026-11.com.example:memory', luns: [{ device, identity }] }],
});
process.once('SIGTERM', () => void server.stop());
await server.start();
console.log(server.url(0));
