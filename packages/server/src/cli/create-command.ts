import type { ProtectionType } from '@lunbox/scsi';
import { StorageObject, type Attributes } from '@lunbox/storage-object';
import { newProtection } from '../protection.ts';
import { formatSize } from './size.ts';

/** Flags of `lunbox create`. */
export interface CreateFlags {
  readonly size: number;
  readonly blockSize: string;
  readonly physicalBlockSize?: string;
  readonly protection?: string;
  readonly preallocate?: boolean;
  readonly vendor?: string;
  readonly product?: string;
  readonly revision?: string;
  readonly serial?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `lunbox create`: makes the file and says what to do with it. */
export async function createDisk(path: string, flags: CreateFlags): Promise<void> {
  const blockSize = Number(flags.blockSize);
  const sizeBytes = flags.size;
  const type = flags.protection === undefined ? undefined : (Number(flags.protection) as ProtectionType);
  const object = await StorageObject.create(path, {
    sizeBytes,
    blockSize,
    attributes: attributesFromFlags(flags),
    preallocate: flags.preallocate === true,
    ...(type === undefined ? {} : { protection: newProtection(sizeBytes, blockSize, type) }),
  });
  const { capacityBytes, identity, dataOffset } = await object.info();
  await object.close();
  if (flags.json === true) {
    const created = { path, sizeBytes: capacityBytes, blockSize, dataOffset, identity };
    const protection = type === undefined ? {} : { protectionType: type };
    console.log(JSON.stringify({ event: 'created', ...created, ...protection }));
    return;
  }
  if (flags.quiet === true) return;
  console.log(`${path}: ${formatSize(capacityBytes)}, blocks of ${blockSize} bytes, identity ${identity}`);
  console.log(`Serve it with: lunbox serve ${path}`);
}

function attributesFromFlags(flags: CreateFlags): Attributes {
  const { physicalBlockSize, vendor, product, revision, serial } = flags;
  const inquiry = {
    ...(vendor === undefined ? {} : { vendor }),
    ...(product === undefined ? {} : { product }),
    ...(revision === undefined ? {} : { revision }),
    ...(serial === undefined ? {} : { serialNumber: serial }),
  };
  return {
    ...(physicalBlockSize === undefined ? {} : { physicalBlockBytes: Number(physicalBlockSize) }),
    ...(Object.keys(inquiry).length === 0 ? {} : { inquiry }),
  };
}
