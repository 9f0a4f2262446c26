import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runOrThrow, startDaemon } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunboxArguments } from '../support/start-lunbox.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const SIZE_BYTES = 3 * 1024 * 1024 + 2048;

/** A disc image: a volume descriptor where ISO 9660 has it, and bytes that differ from block to block around it. */
function image(): Buffer {
  const bytes = Buffer.alloc(SIZE_BYTES);
  for (let at = 0; at < SIZE_BYTES; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  bytes.fill(0, 16 * 2048, 17 * 2048);
  bytes.write('\u0001CD001\u0001', 16 * 2048, 'latin1');
  return bytes;
}

describe.skipIf(!requiresTools('qemu-img', 'iscsi-inq'))('a disc image that is served', () => {
  let directory: TempDirectory;
  let daemon: Awaited<ReturnType<typeof startDaemon>>;
  let url: string;

  beforeAll(async () => {
    directory = makeTempDirectory('cd-rom');
    writeFileSync(directory.file('disc.iso'), image());
    let ready = '';
    const serve = ['serve', directory.file('disc.iso'), '--portal', '127.0.0.1:0', '--json'];
    daemon = await startDaemon(process.execPath, [...lunboxArguments(), ...serve], {
      isReadyLine: (line) => {
        if (line.startsWith('{')) ready = line;
        return ready !== '';
      },
    });
    url = (JSON.parse(ready) as { luns: { url: string }[] }).luns[0]?.url ?? '';
  }, 60_000);

  afterAll(async () => {
    await daemon.end('SIGTERM', 15_000);
    directory.remove();
  });

  it('is a removable CD-ROM to libiscsi', async () => {
    const { output } = await run('iscsi-inq', [url], { timeoutMs: 15_000 });
    expect(output).toMatch(/Peripheral Device Type:.*(MMC|CD|5)/i);
    expect(output).toMatch(/Removable:\s*1/);
    expect(output).toContain('LUNBOX CD-ROM');
  }, 30_000);

  it('reads back through QEMU byte for byte', async () => {
    const info = JSON.parse(await runOrThrow('qemu-img', ['info', '--output=json', url])) as Record<
      string,
      unknown
    >;
    expect(info['virtual-size']).toBe(SIZE_BYTES);
    const copy = directory.file('copy.iso');
    await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', url, copy]);
    const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(hash(readFileSync(copy))).toBe(hash(image()));
  }, 60_000);
});
