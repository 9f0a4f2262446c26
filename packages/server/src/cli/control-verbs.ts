import type { Capture } from '@lunbox/iscsi-target';
import { checkIscsiName } from '../iscsi-name.ts';
import { formatPortal, parsePortal } from '../portal.ts';
import { ServerError } from '../server-error.ts';
import type { IscsiOperations, LunboxServer } from '../server.ts';
import type { ControlAnswer } from './control-socket.ts';
import type { Redirects } from './redirects.ts';

/** What the verbs work on. */
export interface Controlled {
  readonly server: LunboxServer;
  readonly redirects: Redirects;
  /** The ring, when one was asked for. */
  readonly capture: Capture | undefined;
  /** True from a drain until logins are taken again. */
  draining: boolean;
}

/** What a server can be asked to do, as `docs/cli.md` lists it. */
export type ControlVerb = 'status' | 'statistics' | 'capture' | 'drain' | 'resume' | 'redirect';

/** What one request says; which fields mean something depends on its verb. */
export interface ControlRequest {
  readonly verb: ControlVerb;
  /** `host:port` */
  readonly address?: string;
  readonly timeoutMs?: number;
  readonly permanent?: boolean;
  readonly initiator?: string;
  readonly portalGroup?: number;
  readonly sessions?: number;
}

type Verb = (controlled: Controlled, request: ControlRequest) => ControlAnswer | Promise<ControlAnswer>;

const VERBS: Readonly<Record<ControlVerb, Verb>> = {
  status: (controlled) => ({ result: statusOf(controlled) }),
  statistics: ({ server }) => ({ result: iscsiOf(server).statistics() }),
  capture: ({ capture }) => {
    if (capture) return { result: {}, payload: capture.toPcap() };
    throw new ServerError(
      'SERVER_WRONG_STATE',
      'nothing is recorded; start the server with --capture-seconds',
    );
  },
  drain,
  resume: (controlled) => {
    iscsiOf(controlled.server).resume();
    controlled.draining = false;
    return { result: {} };
  },
  redirect,
};

/** Every verb, for help and messages. */
export const CONTROL_VERBS: readonly ControlVerb[] = Object.keys(VERBS) as ControlVerb[];

/** Does what a request asks for. Throws a {@link ServerError}. */
export async function control(controlled: Controlled, request: unknown): Promise<ControlAnswer> {
  const verb = (request as Partial<ControlRequest> | null)?.verb;
  if (verb === undefined || !Object.hasOwn(VERBS, verb)) {
    throw new ServerError('SERVER_BAD_OPTIONS', `there are the verbs ${CONTROL_VERBS.join(', ')}`);
  }
  return VERBS[verb](controlled, request as ControlRequest);
}

function statusOf({ server, redirects, draining }: Controlled): Record<string, unknown> {
  const { portals, tlsPortals, targets } = server;
  const { sessions } = iscsiOf(server);
  return { pid: process.pid, portals, tlsPortals, targets, draining, redirects: redirects.rules, sessions };
}

async function drain(controlled: Controlled, { address, timeoutMs }: ControlRequest): Promise<ControlAnswer> {
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 0)) {
    throw new ServerError('SERVER_BAD_OPTIONS', 'a time is a whole number of milliseconds');
  }
  const options = {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(address === undefined ? {} : { redirectTo: checkAddress(address) }),
  };
  const iscsi = iscsiOf(controlled.server);
  controlled.draining = true;
  await iscsi.drain(options);
  return { result: {} };
}

function redirect({ redirects }: Controlled, request: ControlRequest): ControlAnswer {
  const { address, permanent = false, initiator, portalGroup, sessions } = request;
  if (address === undefined) redirects.clear();
  else {
    redirects.add({
      address: checkAddress(address),
      permanent,
      ...(initiator === undefined ? {} : { initiator: checkIscsiName(initiator) }),
      ...(portalGroup === undefined ? {} : { portalGroup }),
      ...(sessions === undefined ? {} : { sessions }),
    });
  }
  return { result: { redirects: redirects.rules } };
}

function checkAddress(text: string): string {
  return formatPortal(parsePortal(text));
}

function iscsiOf(server: LunboxServer): IscsiOperations {
  if (server.iscsi) return server.iscsi;
  throw new ServerError('SERVER_WRONG_STATE', 'the server is stopping');
}
