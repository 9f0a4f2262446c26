import { TargetError } from '@lunbox/iscsi-target';
import { formatPortal, type Portal } from './portal.ts';
import { ServerError } from './server-error.ts';

/** What a person can do about a portal that cannot be opened, by the operating system's name of the failure. */
const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'ports below 1024 need more privileges; choose a higher one',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
};

/** Turns what the transport says of a portal into a {@link ServerError} that says what to do. */
export function portalError(error: unknown, portal: Portal): unknown {
  if (!(error instanceof TargetError)) return error;
  const text = formatPortal(portal);
  const data = { portal: text, cause: error };
  if (error.detail.code === 'PORTAL_IN_USE') {
    const message = `${text} is in use by another program; stop it, or choose another portal`;
    return new ServerError('SERVER_PORTAL_IN_USE', message, data);
  }
  if (error.detail.code === 'PORTAL_UNAVAILABLE') {
    const { reason } = error.detail;
    const message = `cannot listen at ${text}: ${HINTS[reason] ?? reason}`;
    return new ServerError('SERVER_PORTAL_UNAVAILABLE', message, data);
  }
  if (error.detail.code === 'TLS_INVALID' || error.detail.code === 'PORTAL_GROUP_TAG_INVALID') {
    return new ServerError('SERVER_BAD_OPTIONS', `${text}: ${error.message}`, data);
  }
  return error;
}
