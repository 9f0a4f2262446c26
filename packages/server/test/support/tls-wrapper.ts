import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { toolEnvironment } from './processes.ts';
import { findTool } from './requires.ts';

/** A wrapper that listens. */
export interface TlsWrapper {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * What `stunnel` does, by the `openssl` command: plain TCP of loopback in front, and behind it a foreign TLS client for
 * each connection, with these arguments of `openssl s_client` (`-connect` among them).
 */
export async function startTlsWrapper(clientArguments: () => readonly string[]): Promise<TlsWrapper> {
  const children = new Set<ChildProcess>();
  const server = createServer((plain) => {
    const args = ['s_client', '-quiet', '-verify_quiet', '-verify_return_error', ...clientArguments()];
    const child = spawn(findTool('openssl') ?? '', args, {
      env: toolEnvironment(),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.add(child);
    plain.pipe(child.stdin);
    child.stdout.pipe(plain);
    child.stdin.on('error', () => plain.destroy());
    plain.on('error', () => child.kill());
    plain.on('close', () => child.kill());
    child.on('close', () => {
      children.delete(child);
      plain.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const child of children) child.kill();
    const closed = once(server, 'close');
    server.close();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close };
}
