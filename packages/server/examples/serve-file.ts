/** Serves a container file made by `lunbox create`: `node serve-file.ts disk.lun`. */
import { createServer } from 'lunbox';

const server = await createServer({
  portals: ['127.0.0.1:0'],
  targets: [{ iqn: 'iqn.2026-11.com.example:file', luns: [{ path: process.argv[2] ?? 'disk.lun' }] }],
});
process.once('SIGTERM', () => void server.stop());
await server.start();
console.log(server.url(0));
