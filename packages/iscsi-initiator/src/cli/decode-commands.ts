import { explainCdb, explainSense, type Description } from '@lunbox/scsi';
import { optionsError } from '../errors.ts';
import type { CommandLine } from './command-line.ts';
import { showDescription } from './show.ts';

/** More than any CDB or sense data has, as text. */
const MAX_TEXT_BYTES = 65_536;

/** Bytes as hexadecimal digits, with or without spaces, commas and `0x`; standard input where there are no words. */
async function bytesOf({ words }: CommandLine): Promise<Uint8Array> {
  const text = words.length > 0 ? words.join(' ') : await standardInput();
  const digits = text.replace(/0x/gi, ' ').replace(/[\s,]+/g, '');
  if (!/^([0-9a-f]{2})+$/i.test(digits)) throw optionsError('bytes are pairs of hexadecimal digits');
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

async function standardInput(): Promise<string> {
  let text = '';
  for await (const piece of process.stdin) {
    text += (piece as Buffer).toString('latin1');
    if (text.length > MAX_TEXT_BYTES) throw optionsError(`the input is longer than ${MAX_TEXT_BYTES} bytes`);
  }
  return text;
}

async function decode(explain: (bytes: Uint8Array) => Description, line: CommandLine): Promise<void> {
  showDescription(explain(await bytesOf(line)), line.output);
}

/** `sense`: what sense data says. */
export function decodeSense(line: CommandLine): Promise<void> {
  return decode(explainSense, line);
}

/** `cdb`: what a CDB says. */
export function decodeCdb(line: CommandLine): Promise<void> {
  return decode((bytes) => explainCdb(bytes), line);
}
