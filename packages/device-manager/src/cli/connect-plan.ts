import { connectNbs, NbsClientError, type ConnectOptions, type NbsClient } from '@lunbox/nbs';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ManagerError } from '../manager-error.ts';
import { portalAddress, type ServerPlan } from '../plan/plan.ts';

/**
 * Connects to the server of a plan.
 *
 * @param planPath - files that the plan names are relative to its directory
 * @throws ManagerError `MANAGER_BAD_PLAN` for a file that cannot be read, `MANAGER_REFUSED`.
 */
export async function connectPlan(
  { portals, user, secretFile, tls }: ServerPlan,
  planPath: string,
  lossTimeoutMs?: number,
): Promise<NbsClient> {
  const read = (name: string): string => readNear(planPath, name);
  const secret = secretFile === undefined ? undefined : read(secretFile).trim();
  const keys = tls && {
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
    ...(tls.ca === undefined ? {} : { ca: read(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: read(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: read(tls.key) }),
  };
  const options: ConnectOptions = {
    portals: portals.map((portal) => ({
      ...portalAddress(portal),
      ...(keys === undefined ? {} : { tls: keys }),
    })),
    clientName: 'lunbox-manager',
    ...(lossTimeoutMs === undefined ? {} : { lossTimeoutMs }),
    ...(secret === undefined
      ? {}
      : { credentials: user === undefined ? { token: secret } : { user, password: secret } }),
  };
  try {
    return await connectNbs(options);
  } catch (cause) {
    if (!(cause instanceof NbsClientError)) throw cause;
    throw new ManagerError('MANAGER_REFUSED', `${portals.join(', ')}: ${cause.message}`, { cause });
  }
}

function readNear(planPath: string, name: string): string {
  const path = resolve(dirname(planPath), name);
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ManagerError('MANAGER_BAD_PLAN', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
