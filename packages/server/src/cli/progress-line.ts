import type { OnCopyProgress } from '@lunbox/storage-object';

/** Shows on a terminal how far long work has come; elsewhere nothing. */
export function progressLine(label: string): OnCopyProgress {
  if (!process.stderr.isTTY) return () => undefined;
  let shown = -1;
  return ({ doneBytes, totalBytes }) => {
    const percent = Math.floor((doneBytes / totalBytes) * 100);
    if (percent === shown) return;
    shown = percent;
    process.stderr.write(`\r${label}: ${percent} %${percent === 100 ? '\n' : ''}`);
  };
}
