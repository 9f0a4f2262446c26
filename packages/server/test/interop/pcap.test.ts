import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeCapture, type CaptureVerdict } from '../support/capture.ts';
import { memoryServer, memoryUrl } from '../support/memory-server.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const ready = requiresTools('iscsi-ls', 'iscsi-inq', 'qemu-io', 'tshark');

describe.skipIf(!ready).each([['127.0.0.1'], ['::1']])("the server's own capture at %s", (host) => {
  let directory: TempDirectory;
  let path: string;
  let verdict: CaptureVerdict;

  beforeAll(async () => {
    directory = makeTempDirectory('pcap');
    path = directory.file('ring.pcap');
    const server = memoryServer();
    const portal = await server.listen({ host, port: 0 });
    const capture = server.capture();
    const url = memoryUrl(portal);
    await run('iscsi-ls', ['-s', url.split('/', 3).join('/')], { timeoutMs: 8000 });
    await run('iscsi-inq', [url], { timeoutMs: 8000 });
    const commands = ['write -P 1 0 2M', 'read -P 1 0 2M', 'flush'];
    await runOrThrow('qemu-io', ['-f', 'raw', ...commands.flatMap((command) => ['-c', command]), url]);
    capture.stop();
    writeFileSync(path, capture.toPcap());
    verdict = await judgeCapture(path, portal.port);
    await server.close();
  }, 60_000);

  afterAll(() => directory.remove());

  it('is complete, and wireshark finds every kind of PDU in it', () => {
    expect(verdict.holes).toBe(0);
    const kinds = ['0x01', '0x03', '0x04', '0x05', '0x06', '0x21', '0x23', '0x24', '0x25', '0x26', '0x31'];
    for (const opcode of kinds) expect(verdict.pdus.get(opcode) ?? 0, opcode).toBeGreaterThan(0);
  });

  it('has nothing malformed or wrong in it', () => {
    expect(verdict.malformed).toEqual([]);
    expect(verdict.errors).toEqual([]);
    expect(verdict.invalid).toEqual([]);
  });

  it('has right checksums in headers that were never on a wire', async () => {
    const check = ['-o', 'ip.check_checksum:TRUE', '-o', 'tcp.check_checksum:TRUE'];
    const bad = '(ip && ip.checksum.status != "Good") || tcp.checksum.status != "Good"';
    expect(await runOrThrow('tshark', ['-r', path, '-n', ...check, '-Y', bad])).toBe('');
  });
});
