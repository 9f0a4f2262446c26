import type { Readable } from 'node:stream';

/** Of what a program says, so much is kept. */
const LIMIT = 2000;

/** Listens to what a program says on standard error. The answer tells the last line, behind a colon, if any. */
export function lastWordsOf(stream: Readable): () => string {
  let output = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-LIMIT);
  });
  return () => {
    const line = output.trim().split('\n').at(-1) ?? '';
    return line === '' ? '' : `: ${line}`;
  };
}
