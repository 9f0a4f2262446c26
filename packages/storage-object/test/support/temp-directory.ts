import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory of its own for one test, removed after it. */
export function tempDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'lunbox-object-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
