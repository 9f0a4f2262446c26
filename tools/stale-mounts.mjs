// Mounts that a run of the interop tests has left when it was killed: who served them is gone, and programs that look
// through all mounts (mkfs.btrfs) stumble over them.
import { readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { run } from './process.mjs';

/** What a mount answers whose server is gone. */
const GONE = new Set(['ENOTCONN', 'EIO']);

/** @param {string} path */
function isGone(path) {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return GONE.has(/** @type {NodeJS.ErrnoException} */ (error).code ?? '');
  }
}

/** @returns {string[]} the mount points in temporary directories of ours, the outer ones first */
function ourMountPoints() {
  const text = process.platform === 'linux' ? readFileSync('/proc/self/mountinfo', 'utf8') : '';
  const points = text.split('\n').map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${tmpdir()}/lunbox-`));
}

/** @param {string} point */
const directoryOf = (point) => point.slice(0, (point + '/').indexOf('/', tmpdir().length + 1));

/** Takes away every mount in a temporary directory of ours that has a dead one in it; a living run has none. */
export async function removeStaleMounts() {
  const points = ourMountPoints();
  const stale = new Set(points.filter(isGone).map(directoryOf));
  for (const point of points.reverse()) {
    if (!stale.has(directoryOf(point))) continue;
    const { code, output } = await run('umount', ['--lazy', point]);
    console.log(code === 0 ? `${point}: unmounted, left by a run that was killed` : output.trim());
  }
}
