import { once } from 'node:events';
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** What was at the place of a socket that is to be made. */
export type SocketPlace = 'cleared' | 'file' | 'in use';

/**
 * Takes away a socket that a killed server has left behind; what is no socket stays, and so does one at which a program
 * listens, also one that is busy, or not for this user. Throws what the system says.
 */
export async function clearSocketFile(path: string): Promise<SocketPlace> {
  if (!(await lstat(path)).isSocket()) return 'file';
  if (!(await isLeftBehind(path))) return 'in use';
  await unlink(path);
  return 'cleared';
}

async function isLeftBehind(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    return true;
  } finally {
    socket.destroy();
  }
}
