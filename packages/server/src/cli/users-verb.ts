import type { LunboxServer } from '../server.ts';
import type { ControlRequest } from './control-request.ts';
import type { ControlAnswer } from './control-socket.ts';
import { describeChange } from './show-users.ts';

/** Tells who may do what with the disk of a LUN, and changes it; each change leaves a line for the audit. */
export async function controlUsers(
  server: LunboxServer,
  request: ControlRequest<'users'>,
): Promise<ControlAnswer> {
  const { lun } = request;
  const asked = Object.entries(request).filter(([name]) => name !== 'verb' && name !== 'lun');
  const before = server.users(lun);
  if (asked.length > 0) {
    await server.changeUsers(lun, Object.fromEntries(asked));
    const told = JSON.stringify(describeChange(before, server.users(lun)));
    console.error(
      `lunbox: audit: ${new Date().toISOString()} users of LUN ${lun} by the control socket: ${told}`,
    );
  }
  return { result: { lun, users: server.users(lun) ?? null } };
}
