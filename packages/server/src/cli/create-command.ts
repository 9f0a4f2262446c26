import type { ProtectionType } from '@lunbox/scsi';
import { StorageObject, type Attributes } from '@lunbox/storage-object';
import { newProtection } from '../protection.ts';
import { layoutFromFlags, type LayoutFlags } from './layout-argument.ts';
import { layoutTree } from './layout-tree.ts';
import { formatSize } from './size.ts';

/** Flags of `lunbox create`. */
export interface CreateFlags extends LayoutFlags {
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
  readonly overwriteVolumes?: boolean;
}

/** `lunbox create`: makes the file and says what to do with it. */
export async function createDisk(path: string, flags: CreateFlags): Promise<void> {
  const blockSize = Number(flags.blockSize);
  const sizeBytes = flags.size;
  const type = flags.protection === undefined ? undefined : (Number(flags.protection) as ProtectionType);
  const wanted = layoutFromFlags(path, flags);
  const object = await StorageObject.create(path, {
    sizeBytes,
    blockSize,
    overwriteVolumes: flags.overwriteVolumes === true,
    ...(wanted === undefined ? {} : { layout: wanted }),
    attributes: attributesFromFlags(flags),
    preallocate: flags.preallocate === true,
    ...(type === undefined ? {} : { protection: newProtection(sizeBytes, blockSize, type) }),
  });
  const { capacityBytes, identity, dataOffset, layout } = await object.info();
  await object.close();
  if (flags.json === true) {
    const created = { path, sizeBytes: capacityBytes, blockSize, dataOffset, identity };
    const protection = type === undefined ? {} : { protectionType: type };
    console.log(
      JSON.stringify({ event: 'created', ...created, ...protection, ...(layout ? { layout } : {}) }),
    );
    return;
  }
  if (flags.quiet === true) return;
  console.log(`${path}: ${formatSize(capacityBytes)}, blocks of ${blockSize} bytes, identity ${identity}`);
  if (layout) for (const line of layoutTree(layout)) console.log(`  ${line}`);
  console.log(`Serve it with: lunbox serve ${path}`);
}

function attributesFromFlags(flags: CreateFlags): Attributes {
  const { physicalBlockSize, raid, stripeSize, vendor, product, revision, serial } = flags;
  const inquiry = {
    ...(vendor === undefined ? {} : { vendor }),
    ...(product === undefined ? {} : { product }),
    ...(revision === undefined ? {} : { revision }),
    ...(serial === undefined ? {} : { serialNumber: serial }),
  };
  const stripeBytes = stripeSize === undefined ? {} : { stripeBytes: stripeSize };
  return {
    ...(raid === undefined ? {} : { organisation: { raidLevel: Number(raid), ...stripeBytes } }),
    ...(physicalBlockSize === undefined ? {} : { physicalBlockBytes: Number(physicalBlockSize) }),
    ...(Object.keys(inquiry).length === 0 ? {} : { inquiry }),
  };
}
