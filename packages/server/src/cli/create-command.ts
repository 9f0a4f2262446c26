import type { ProtectionType } from '@lunbox/scsi';
import { StorageObject, type Attributes } from '@lunbox/storage-object';
import { Option, type Command } from 'commander';
import { newProtection } from '../protection.ts';
import { sizeArgument, textArgument } from './arguments.ts';
import { layoutFromFlags, type LayoutFlags } from './layout-argument.ts';
import { addLayoutFlags } from './layout-flags.ts';
import { layoutTree } from './layout-tree.ts';
import { formatSize } from './size.ts';

interface CreateFlags extends LayoutFlags {
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

const PHYSICAL_BLOCK_SIZES = ['512', '4096', '8192', '16384', '32768', '65536'];

/** Adds `lunbox create`. */
export function addCreate(program: Command): void {
  const create = program
    .command('create <file>')
    .description('create a disk in a new file; blocks take space when they are written')
    .requiredOption(
      '--size <size>',
      'capacity, such as 10G, 512M, 1T or bytes (powers of 1024)',
      sizeArgument,
    )
    .addOption(
      new Option('--block-size <bytes>', 'logical block length').choices(['512', '4096']).default('512'),
    )
    .addOption(
      new Option(
        '--physical-block-size <bytes>',
        'what initiators are told to align to (default: 4096); 512 makes a 512n disk',
      ).choices(PHYSICAL_BLOCK_SIZES),
    )
    .addOption(
      new Option(
        '--protection <type>',
        'keep protection information of each block: type 1, 2 or 3, or 0 to format it later',
      ).choices(['0', '1', '2', '3']),
    )
    .option('--preallocate', 'take the space of the whole disk at once');
  addLayoutFlags(create)
    .option('--vendor <text>', 'vendor in INQUIRY data (default: LUNBOX)', textArgument(8))
    .option('--product <text>', 'product in INQUIRY data (default: LUNBOX DISK)', textArgument(16))
    .option('--revision <text>', 'revision in INQUIRY data (default: 0001)', textArgument(4))
    .option('--serial <text>', 'serial number (default: the digits of the identity)', textArgument(32))
    .option('--json', 'print one line of JSON')
    .option('--quiet', 'print nothing')
    .action(async (file: string, flags: CreateFlags) => {
      await createDisk(file, flags);
    });
}

/** Makes the file and says what to do with it. */
async function createDisk(path: string, flags: CreateFlags): Promise<void> {
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
