import { DiskError, type Disk, type DiskFile } from '@lunbox/block';
import { HEADER_SLOT_BYTES, HEADER_SLOTS, type HeaderSlot } from '../../src/format.ts';
import { decodeHeader, encodeHeader } from '../../src/header.ts';

/** The same object with some of its methods replaced. */
function withMethods<T extends object>(target: T, changed: Partial<T>): T {
  return new Proxy(target, {
    get(_target, key): unknown {
      const own: unknown = Reflect.get(changed, key);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A disk whose files have some of their methods replaced. */
function withFiles(disk: Disk, change: (file: DiskFile) => Partial<DiskFile>): Disk {
  const open: Disk['open'] = async (path, mode) => {
    const file = await disk.open(path, mode);
    return withMethods(file, change(file));
  };
  return withMethods(disk, { open });
}

/** A disk that lies: nothing is synced, though it says so. Stands for software that forgets to sync. */
export function withoutSync(disk: Disk): Disk {
  return withFiles(disk, () => ({ sync: () => Promise.resolve() }));
}

/** Stands for software that forgets to sync directories. */
export function withoutDirectorySync(disk: Disk): Disk {
  return withMethods(disk, { syncDirectory: () => Promise.resolve() });
}

/** Stands for software that believes the page cache after a failed sync. */
export function withoutDropCache(disk: Disk): Disk {
  return withFiles(disk, () => ({ dropCache: () => Promise.resolve() }));
}

/** Stands for software that makes a file longer and does not wait for that before its header says so. */
export function withoutSyncOfLength(disk: Disk): Disk {
  return withFiles(disk, (file) => {
    let truncated = false;
    return {
      truncate: (sizeBytes) => {
        truncated = true;
        return file.truncate(sizeBytes);
      },
      sync: () => {
        if (!truncated) return file.sync();
        truncated = false;
        return Promise.resolve();
      },
    };
  });
}

function slotAt(offset: number): HeaderSlot | undefined {
  return (['A', 'B'] as const).find((slot) => HEADER_SLOTS[slot].offset === offset);
}

/** Stands for software that writes both headers before it syncs either. */
export function withBothHeadersAtOnce(disk: Disk): Disk {
  return withFiles(disk, (file) => ({
    write: async (from, offset) => {
      await file.write(from, offset);
      const slot = slotAt(offset);
      if (slot === undefined) return;
      const reading = decodeHeader(Buffer.concat(from, HEADER_SLOT_BYTES), slot);
      if (reading.kind !== 'good') throw new Error('a header was written that does not check out');
      const other = slot === 'A' ? 'B' : 'A';
      await file.write([encodeHeader(reading.header, other)], HEADER_SLOTS[other].offset);
    },
  }));
}

/** A disk whose `nth` write from now on stores a part of its bytes and then fails. */
export function withShortWrite(disk: Disk, nth: number, code: string, onFailure: () => void): Disk {
  let left = nth;
  return withFiles(disk, (file) => ({
    // What is copied is written.
    copyFrom: () => undefined,
    write: async (from, offset) => {
      left--;
      if (left !== 0) return file.write(from, offset);
      const bytes = Buffer.concat(from);
      await file.write([bytes.subarray(0, Math.ceil(bytes.length / 3))], offset);
      onFailure();
      throw new DiskError(code, 'write', 'simulated short write');
    },
  }));
}
