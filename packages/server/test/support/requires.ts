import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** `PATH` with the system directories that an ordinary user's `PATH` lacks on Debian (`tgtd`, `mkfs.ext4`). */
export const toolPath: string = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter);

/** The full name of a program, or `undefined` when it is not installed. */
export function findTool(name: string): string | undefined {
  for (const directory of toolPath.split(delimiter)) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this directory; the next one may have it.
    }
  }
  return undefined;
}

/**
 * True when every program is installed; meant for `describe.skipIf(!requiresTools('qemu-img'))`.
 * In continuous integration (`CI=true`) a missing program is a failure, since a skipped proof proves nothing.
 */
export function requiresTools(...names: readonly string[]): boolean {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length > 0 && process.env['CI'] === 'true') {
    throw new Error(`interop tests need these programs: ${missing.join(', ')}`);
  }
  return missing.length === 0;
}
