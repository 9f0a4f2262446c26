import { existsSync, readFileSync } from 'node:fs';
import type { Command, CommandPair } from '../../src/index.ts';

/** Something that is suspended by a line in a file, and tells of it: `frozen`, `thawed`. */
export function journaled(path: string, freeze = ''): CommandPair {
  const note = (word: string, then = ''): Command => [
    'sh',
    '-c',
    `echo ${word} >> "$1"; ${then}`,
    'sh',
    path,
  ];
  return { freeze: note('frozen', freeze), thaw: note('thawed') };
}

/** What was done to it. */
export function journalOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

/** Waits until something holds, at most ten seconds. */
export async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 10_000; !holds() && performance.now() < endMs;)
    await new Promise((resolve) => setTimeout(resolve, 20));
  if (!holds()) throw new Error('it never came to that');
}
