import { ControlConnection } from '../../src/cli/control-connection.ts';
import type { ControlRequest } from '../../src/cli/control-request.ts';

/** Asks a server through its control socket, as `lunbox --control` does, and waits for the answer. */
export async function askControl(
  socket: string,
  request: ControlRequest,
  onProgress: () => void = () => undefined,
): Promise<unknown> {
  const connection = await ControlConnection.open(socket, request);
  try {
    return await connection.result(onProgress);
  } finally {
    connection.close();
  }
}
