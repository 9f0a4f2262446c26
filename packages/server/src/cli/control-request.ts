import { isAbsolute } from 'node:path';
import { LUN_LIMIT } from '../options.ts';
import { ServerError } from '../server-error.ts';

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
  readonly lun?: number;
  /** An absolute path: server and asker may stand in different directories. */
  readonly path?: string;
  readonly sizeBytes?: number;
  readonly force?: boolean;
}

type Field = Exclude<keyof ControlRequest, 'verb'>;
/** Initiators are told whole seconds in 16 bits (RFC 7143 §11.9). */
const MAX_TIMEOUT_MS = 65_535_000;

type Check = readonly [what: string, isRight: (value: unknown) => boolean];

const TEXT: Check = ['a string', (value) => typeof value === 'string'];
const isWhole = (value: unknown, minimum: number, maximum = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum;

const CHECKS: Readonly<Record<Field, Check>> = {
  address: TEXT,
  timeoutMs: [
    'a whole number of milliseconds, 65535000 at most',
    (value) => isWhole(value, 0, MAX_TIMEOUT_MS),
  ],
  permanent: ['true or false', (value) => typeof value === 'boolean'],
  initiator: TEXT,
  portalGroup: ['a portal group tag, 1 to 65535', (value) => isWhole(value, 1, 0xffff)],
  sessions: ['a whole number, at least 1', (value) => isWhole(value, 1)],
  lun: ['the number of a LUN', (value) => isWhole(value, 0, LUN_LIMIT - 1)],
  path: ['an absolute path', (value) => typeof value === 'string' && isAbsolute(value)],
  force: ['true or false', (value) => typeof value === 'boolean'],
  sizeBytes: ['a whole number of bytes, at least 1', (value) => isWhole(value, 1)],
};

/** What a server can be asked to do, as `docs/cli.md` lists it. */
export type ControlVerb =
  | 'status'
  | 'statistics'
  | 'capture'
  | 'drain'
  | 'resume'
  | 'maintenance'
  | 'redirect'
  | 'eject'
  | 'insert'
  | 'resize';

/** The fields that belong to each verb. */
const FIELDS: Readonly<Record<ControlVerb, readonly Field[]>> = {
  status: [],
  statistics: [],
  capture: [],
  drain: ['address', 'timeoutMs'],
  resume: [],
  maintenance: ['address', 'timeoutMs'],
  redirect: ['address', 'permanent', 'initiator', 'portalGroup', 'sessions'],
  eject: ['lun', 'force'],
  insert: ['lun', 'path'],
  resize: ['lun', 'sizeBytes'],
};

/** Without these a verb means nothing. */
const NEEDED: Readonly<Partial<Record<ControlVerb, readonly Field[]>>> = {
  eject: ['lun'],
  insert: ['lun'],
  resize: ['lun', 'sizeBytes'],
};

/** Every verb, for help and messages. */
export const CONTROL_VERBS: readonly ControlVerb[] = Object.keys(FIELDS) as ControlVerb[];

/**
 * Checks what came in as a request: nothing in it may be misread, or be meant for another verb.
 *
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS`.
 */
export function checkControlRequest(request: unknown): ControlRequest {
  const { verb, ...fields } = Object(request) as Record<string, unknown>;
  if (typeof verb !== 'string' || !Object.hasOwn(FIELDS, verb)) {
    throw bad(`there are the verbs ${CONTROL_VERBS.join(', ')}`);
  }
  const allowed: readonly string[] = FIELDS[verb as ControlVerb];
  for (const [name, value] of Object.entries(fields)) {
    if (!allowed.includes(name)) throw bad(`"${name}" does not belong to ${verb}`);
    const [what, isRight] = CHECKS[name as Field];
    if (!isRight(value)) throw bad(`"${name}" is ${what}`);
  }
  const missing = NEEDED[verb as ControlVerb]?.find((field) => fields[field] === undefined);
  if (missing !== undefined) throw bad(`${verb} needs "${missing}"`);
  // It would look like one initiator's redirection, and end everybody's.
  if (verb === 'redirect' && fields['address'] === undefined && Object.keys(fields).length > 0) {
    throw bad('redirect without an address ends every redirection, and takes nothing else');
  }
  return { ...fields, verb: verb as ControlVerb };
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
