import { Option, type Command } from 'commander';
import { collect, sizeArgument } from './arguments.ts';

/** Adds the flags that say what a new disk is made of. */
export function addLayoutFlags(command: Command): Command {
  return command
    .option(
      '--layout <layout>',
      'what the disk is made of, such as stripe(64K, a.img, mirror(b.img, c.img)); the files are created',
    )
    .option('--part <file>', 'a backing file or a block device; repeat it for each', collect)
    .addOption(
      new Option(
        '--raid <level>',
        'how the parts go together: 0, 1 or 10 (default: one after the other)',
      ).choices(['0', '1', '10']),
    )
    .option('--stripe-size <size>', 'consecutive bytes on one part, for --raid (default: 64K)', sizeArgument)
    .option('--overwrite-volumes', 'take block devices that hold something; what is on them is lost');
}
