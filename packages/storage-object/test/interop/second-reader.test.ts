import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageObject } from '../../src/index.ts';
import { isInstalled, runProgram } from '../support/programs.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const specification = new URL('../../../../docs/container-format.md', import.meta.url);

/** The reader that the specification ends with: it shares no line with ours. */
function writeReader(directory: string): string {
  const code = /```python\n(?<code>[\s\S]*?)```/.exec(readFileSync(specification, 'utf8'))?.groups?.['code'];
  const path = join(directory, 'reader.py');
  writeFileSync(path, code ?? '');
  return path;
}

describe.skipIf(!isInstalled('python3'))('the reader in the specification', () => {
  it('reads a container that is open, changed and closed as we do', async () => {
    const directory = tempDirectory();
    const reader = writeReader(directory);
    const path = join(directory, 'disk.lun');
    const read = async (): Promise<unknown> => {
      const { stdout, stderr } = await runProgram('python3', [reader, path]);
      return JSON.parse(stdout === '' ? JSON.stringify(stderr) : stdout) as unknown;
    };
    const object = await StorageObject.create(path, { sizeBytes: 2 ** 22, blockSize: 4096 });
    await object.updateAttributes({ name: 'Größe', later: [1] });
    await object.device.write([Buffer.alloc(4096, 0xc3)], 0);
    await object.device.flush();
    await object.grow(2 ** 23);
    const info = await object.info();
    const expected = {
      sequence: info.headerSequence,
      readable: true,
      identity: info.identity.replaceAll('-', ''),
      origin: '0'.repeat(32),
      capacityBytes: 2 ** 23,
      dataOffset: info.dataOffset,
      blockSize: 4096,
      clean: false,
      attributes: info.attributes,
      firstBytes: 'c3'.repeat(16),
    };
    expect(await read()).toEqual(expected);
    await object.close();
    expect(await read()).toEqual({ ...expected, sequence: info.headerSequence + 1, clean: true });
  });

  it('reads a disk with protection information in front of it', async () => {
    const directory = tempDirectory();
    const path = join(directory, 'disk.lun');
    const protection = { areaBytes: 2 ** 20, format: () => Promise.resolve() };
    const object = await StorageObject.create(path, { sizeBytes: 2 ** 22, protection });
    await object.device.write([Buffer.alloc(512, 0x5a)], 0);
    const { dataOffset } = await object.info();
    await object.close();
    const { stdout } = await runProgram('python3', [writeReader(directory), path]);
    expect(JSON.parse(stdout)).toMatchObject({ readable: true, dataOffset, firstBytes: '5a'.repeat(16) });
  });

  it('refuses what is no container', async () => {
    const directory = tempDirectory();
    const path = join(directory, 'other.img');
    writeFileSync(path, Buffer.alloc(2 ** 20));
    expect((await runProgram('python3', [writeReader(directory), path])).exitCode).toBe(1);
  });
});
