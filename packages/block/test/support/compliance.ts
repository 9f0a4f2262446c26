import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'vitest';
import type { ComplianceSubject } from '../../src/compliance.ts';
import { blockDeviceCompliance } from '../../src/compliance.ts';

/** Declares the compliance suite with vitest. */
export function comply(name: string, create: () => ComplianceSubject | Promise<ComplianceSubject>): void {
  blockDeviceCompliance({
    name,
    create,
    test: (title, fn) => {
      it(title, fn);
    },
  });
}

/** A directory of its own for one test, and how to get rid of it. */
export async function temporaryDirectory(parent: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(parent, 'lunbox-block-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** An empty sparse file. */
export async function sparseFile(path: string, sizeBytes: number): Promise<string> {
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  return path;
}
