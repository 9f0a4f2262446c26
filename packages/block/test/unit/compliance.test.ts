import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import {
  concat,
  FileDevice,
  SimulatedDisk,
  createRealDisk,
  MemoryDevice,
  mirror,
  openFileDevice,
  slice,
  stripe,
} from '../../src/index.ts';
import type { ComplianceSubject } from '../../src/compliance.ts';
import { comply, sparseFile, temporaryDirectory } from '../support/compliance.ts';

const MEBIBYTE = 1 << 20;
const dispose = (): void => undefined;
const memory = (size: number, blockSize = 512): MemoryDevice => new MemoryDevice({ size, blockSize });

async function fileSubject(parent: string, native: boolean, blockSize: number): Promise<ComplianceSubject> {
  const directory = await temporaryDirectory(parent);
  const dataOffset = MEBIBYTE;
  const path = await sparseFile(join(directory.path, 'disk'), dataOffset + 16 * MEBIBYTE);
  const device = await openFileDevice({ disk: createRealDisk({ native }), path, dataOffset, blockSize });
  return {
    device,
    resize: (size) => device.grow(size),
    async dispose() {
      await device.close();
      await directory.remove();
    },
  };
}

describe('memory', () => {
  for (const blockSize of [512, 4096]) {
    comply(`MemoryDevice ${blockSize}`, () => {
      const device = memory(8 * MEBIBYTE, blockSize);
      return {
        device,
        resize: (size) => {
          device.resize(size);
        },
        dispose,
      };
    });
  }
});

describe('file', () => {
  const memoryFileSystem = '/dev/shm';
  const parents = [tmpdir(), ...(existsSync(memoryFileSystem) ? [memoryFileSystem] : [])];
  for (const parent of new Set(parents)) {
    for (const native of [true, false]) {
      comply(`FileDevice ${parent} native ${native}`, () => fileSubject(parent, native, native ? 512 : 4096));
    }
  }
});

describe('file of a simulated disk', () => {
  for (const options of [{}, { immediate: true }, { sparse: false, immediate: true }]) {
    comply(`FileDevice ${JSON.stringify(options)}`, async () => {
      const disk = new SimulatedDisk(options);
      const file = await disk.open('/disk', 'create');
      await file.truncate(MEBIBYTE + 3 * MEBIBYTE);
      const device = new FileDevice(file, { dataOffset: MEBIBYTE, size: 3 * MEBIBYTE, closeFile: true });
      return { device, resize: (size) => device.grow(size), dispose };
    });
  }
});

describe('combinators', () => {
  comply('slice', () => {
    const whole = memory(4 * MEBIBYTE);
    const device = slice(whole, { offset: 3 * 512 });
    return {
      device,
      resize: (size) => {
        whole.resize(size + 3 * 512);
      },
      dispose,
    };
  });
  comply('concat', () => {
    const last = memory(MEBIBYTE, 4096);
    const device = concat([memory(4096), memory(7 * 4096), last]);
    return {
      device,
      resize: (size) => {
        last.resize(size);
      },
      dispose,
    };
  });
  comply('stripe', () => {
    const legs = [memory(MEBIBYTE), memory(MEBIBYTE + 512), memory(2 * MEBIBYTE)];
    const device = stripe(legs, { unitBytes: 4096 });
    return {
      device,
      resize: (size) => {
        for (const leg of legs) leg.resize(size);
      },
      dispose,
    };
  });
  comply('mirror', () => {
    const legs = [memory(2 * MEBIBYTE), memory(2 * MEBIBYTE)];
    const device = mirror(legs);
    return {
      device,
      resize: (size) => {
        for (const leg of legs) leg.resize(size);
      },
      dispose,
    };
  });
  for (const state of ['stale', 'unsynced'] as const) {
    comply(`mirror with a leg that is ${state}`, () => {
      const legs = [memory(2 * MEBIBYTE), memory(2 * MEBIBYTE)];
      const device = mirror(legs, { legStates: [state, 'in-sync'] });
      return {
        device,
        resize: (size) => {
          for (const leg of legs) leg.resize(size);
        },
        dispose,
      };
    });
  }
  comply('slice with a length of its own', () => {
    const whole = memory(4 * MEBIBYTE);
    const device = slice(whole, { offset: 512, length: 2 * MEBIBYTE });
    return {
      device,
      resize: (size) => {
        whole.resize(Math.max(whole.size, 512 + size));
        device.grow(size);
      },
      dispose,
    };
  });
  comply('mirror of stripes of files', async () => {
    const files = await Promise.all([0, 1, 2, 3].map(() => fileSubject(tmpdir(), true, 512)));
    const [a, b, c, d] = files.map((file) => file.device);
    const device = mirror([stripe([a!, b!]), stripe([c!, d!])]);
    return {
      device,
      async dispose() {
        await device.close();
        for (const file of files) await file.dispose();
      },
    };
  });
});
