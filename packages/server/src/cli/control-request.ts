import { ACCESS_STATES, type AccessState } from '@lunbox/scsi';
import { isUserName, PERMISSIONS, type Permission } from '@lunbox/storage-object';
import { isAbsolute } from 'node:path';
import { LUN_LIMIT } from '../options.ts';
import { ServerError } from '../server-error.ts';
import { SNAP_CHECKS, SNAP_VERBS, type SnapFields } from './snap-request.ts';

/** The fields of requests. */
export interface ControlFields extends SnapFields {
  /** `host:port` */
  readonly address: string;
  readonly timeoutMs: number;
  readonly permanent: boolean;
  readonly initiator: string;
  /** A portal group tag, which is a target port group as well. */
  readonly portalGroup: number;
  readonly sessions: number;
  readonly lun: number;
  /** An absolute path: server and asker may stand in different directories. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly force: boolean;
  readonly readOnly: boolean;
  readonly state: AccessState;
  /** PRODUCT IDENTIFICATION. */
  readonly product: string;
  /** PRODUCT REVISION LEVEL. */
  readonly revision: string;
  /** A user of a disk, not of the server. */
  readonly user: string;
  readonly permission: Permission;
  /** null is no quota. */
  readonly quotaBytes: number | null;
  readonly remove: boolean;
  readonly everybody: boolean;
}

/** One of them. */
export type ControlField = keyof ControlFields;

/** Initiators are told whole seconds in 16 bits (RFC 7143 §11.9). */
const MAX_TIMEOUT_MS = 65_535_000;

type Check = readonly [what: string, isRight: (value: unknown) => boolean];

const TEXT: Check = ['a string', (value) => typeof value === 'string'];
const TRUTH: Check = ['true or false', (value) => typeof value === 'boolean'];
const isWhole = (value: unknown, minimum: number, maximum = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum;

const isPrintable =
  (most: number) =>
  (value: unknown): boolean =>
    typeof value === 'string' && value.length <= most && /^[\x20-\x7e]*$/.test(value);

const CHECKS: Readonly<Record<ControlField, Check>> = {
  address: TEXT,
  timeoutMs: [
    'a whole number of milliseconds, 65535000 at most',
    (value) => isWhole(value, 0, MAX_TIMEOUT_MS),
  ],
  permanent: TRUTH,
  initiator: TEXT,
  portalGroup: ['a portal group tag, 1 to 65535', (value) => isWhole(value, 1, 0xffff)],
  sessions: ['a whole number, at least 1', (value) => isWhole(value, 1)],
  lun: ['the number of a LUN', (value) => isWhole(value, 0, LUN_LIMIT - 1)],
  path: ['an absolute path', (value) => typeof value === 'string' && isAbsolute(value)],
  force: TRUTH,
  readOnly: TRUTH,
  sizeBytes: ['a whole number of bytes, at least 1', (value) => isWhole(value, 1)],
  product: ['up to 16 characters of printable ASCII', isPrintable(16)],
  revision: ['up to 4 characters of printable ASCII', isPrintable(4)],
  state: [`one of ${ACCESS_STATES.join(', ')}`, (value) => ACCESS_STATES.some((state) => state === value)],
  user: ['the name of a user, 1 to 255 characters on one line', isUserName],
  permission: [`one of ${PERMISSIONS.join(', ')}`, (value) => PERMISSIONS.some((each) => each === value)],
  quotaBytes: ['a whole number of bytes, or null', (value) => value === null || isWhole(value, 0)],
  remove: TRUTH,
  everybody: TRUTH,
  asLun: ['the number of a LUN', (value) => isWhole(value, 0, LUN_LIMIT - 1)],
  ...SNAP_CHECKS,
};

/** What there is to say to a verb. */
interface VerbShape {
  /** Fields that `lunbox control` takes as words, in this order. */
  readonly words: readonly ControlField[];
  /** Fields that it takes as flags. */
  readonly flags: readonly ControlField[];
  /** Without these the verb means nothing. */
  readonly needed: readonly ControlField[];
}

/** What a server can be asked to do, as `docs/cli.md` lists it. */
const OWN_VERBS = {
  status: { words: [], flags: [], needed: [] },
  statistics: { words: [], flags: [], needed: [] },
  catalog: { words: [], flags: [], needed: [] },
  rescan: { words: [], flags: [], needed: [] },
  capture: { words: [], flags: [], needed: [] },
  drain: { words: [], flags: ['address', 'timeoutMs'], needed: [] },
  resume: { words: [], flags: [], needed: [] },
  maintenance: { words: [], flags: ['address', 'timeoutMs'], needed: [] },
  redirect: {
    words: ['address'],
    flags: ['permanent', 'initiator', 'portalGroup', 'sessions'],
    needed: [],
  },
  eject: { words: ['lun'], flags: ['force'], needed: ['lun'] },
  insert: { words: ['lun', 'path'], flags: [], needed: ['lun'] },
  attach: { words: ['path', 'lun'], flags: ['readOnly'], needed: ['path'] },
  detach: { words: ['lun'], flags: ['force'], needed: ['lun'] },
  resize: { words: ['lun', 'sizeBytes'], flags: [], needed: ['lun', 'sizeBytes'] },
  rename: { words: ['lun'], flags: ['product', 'revision'], needed: ['lun'] },
  alua: { words: ['portalGroup', 'state'], flags: ['lun'], needed: ['portalGroup', 'state'] },
  users: {
    words: ['lun', 'user'],
    flags: ['permission', 'quotaBytes', 'remove', 'everybody'],
    needed: ['lun'],
  },
} as const;

/** What `lunbox config` asks of a server. */
const CONFIG_VERBS = {
  'config-diff': { words: [], flags: ['path'], needed: ['path'] },
  'config-apply': { words: [], flags: ['path', 'force'], needed: ['path'] },
} as const;

const VERBS: typeof OWN_VERBS & typeof SNAP_VERBS & typeof CONFIG_VERBS = {
  ...OWN_VERBS,
  ...SNAP_VERBS,
  ...CONFIG_VERBS,
};

/** One of the verbs. */
export type ControlVerb = keyof typeof VERBS;

type Needed<V extends ControlVerb> = (typeof VERBS)[V]['needed'][number];
type Optional<V extends ControlVerb> = Exclude<(typeof VERBS)[V]['words' | 'flags'][number], Needed<V>>;

/** What one request says: its verb, and what belongs to that. */
export type ControlRequest<V extends ControlVerb = ControlVerb> = V extends ControlVerb
  ? { readonly verb: V } & Pick<ControlFields, Needed<V>> & Partial<Pick<ControlFields, Optional<V>>>
  : never;

/** The verbs of `lunbox control`, for help and messages. */
export const CONTROL_VERBS: readonly ControlVerb[] = Object.keys(OWN_VERBS) as ControlVerb[];

/** What there is to say to a verb. */
export function shapeOf(verb: ControlVerb): VerbShape {
  return VERBS[verb];
}

/**
 * Checks what came in as a request: nothing in it may be misread, or be meant for another verb.
 *
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS`.
 */
export function checkControlRequest(request: unknown): ControlRequest {
  const { verb, ...fields } = Object(request) as Record<string, unknown>;
  if (typeof verb !== 'string' || !Object.hasOwn(VERBS, verb)) {
    throw bad(`there are the verbs ${CONTROL_VERBS.join(', ')}`);
  }
  const { words, flags, needed } = shapeOf(verb as ControlVerb);
  const allowed: readonly string[] = [...words, ...flags];
  for (const [name, value] of Object.entries(fields)) {
    if (!allowed.includes(name)) throw bad(`"${name}" does not belong to ${verb}`);
    const [what, isRight] = CHECKS[name as ControlField];
    if (!isRight(value)) throw bad(`"${name}" is ${what}`);
  }
  const missing = needed.find((field) => fields[field] === undefined);
  if (missing !== undefined) throw bad(`${verb} needs "${missing}"`);
  // It would look like one initiator's redirection, and end everybody's.
  if (verb === 'redirect' && fields['address'] === undefined && Object.keys(fields).length > 0) {
    throw bad('redirect without an address ends every redirection, and takes nothing else');
  }
  return { ...fields, verb } as ControlRequest;
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
