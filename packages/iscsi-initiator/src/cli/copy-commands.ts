import { once } from 'node:events';
import { optionsError } from '../errors.ts';
import { openDisk, type CommandLine } from './command-line.ts';

/** Bytes in hand at a time: a stream of any length takes no more memory than this, twice. */
const CHUNK_BYTES = 1_048_576;

/** `read`: bytes of a LUN to standard output. */
export async function readOut(line: CommandLine): Promise<void> {
  const disk = await openDisk(line);
  try {
    const end = line.length === undefined ? disk.size : line.offset + line.length;
    for (let at = line.offset; at < end; at += CHUNK_BYTES) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, end - at));
      await disk.read([chunk], at);
      if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
    }
  } finally {
    await disk.close();
  }
}

/** `write`: standard input to a LUN, flushed. Its length must be in whole blocks. */
export async function writeIn(line: CommandLine): Promise<void> {
  const disk = await openDisk(line);
  try {
    let at = line.offset;
    let rest: Buffer = Buffer.alloc(0);
    for await (const piece of process.stdin) {
      rest = Buffer.concat([rest, piece as Buffer]);
      const whole = rest.length - (rest.length % CHUNK_BYTES);
      if (whole > 0) await disk.write([rest.subarray(0, whole)], at);
      at += whole;
      rest = rest.subarray(whole);
    }
    if (rest.length % disk.blockSize !== 0) {
      const reason = `the input does not end with a block of ${disk.blockSize} bytes`;
      throw optionsError(reason);
    }
    await disk.write([rest], at);
    await disk.flush();
    console.error(`${at + rest.length - line.offset} bytes written`);
  } finally {
    await disk.close();
  }
}
