import type { NbsAddress } from '@lunbox/nbs';
import { LineCounter, parseDocument } from 'yaml';
import type { ConsistentOptions } from '../consistent-snapshot.ts';
import { ManagerError } from '../manager-error.ts';
import type { QuiesceDriver } from '../quiesce/driver.ts';
import type { Command } from '../quiesce/guard.ts';
import { commandOf, readDrivers } from './read-drivers.ts';
import { Complaints, Section } from './section.ts';

/** The server that has the objects. */
export interface ServerPlan {
  /** The portals, the best one first: `host:port`, or `unix:` and a path. */
  readonly portals: readonly string[];
  readonly user?: string;
  /** File with the password of the user, or with a token when there is no user. */
  readonly secretFile?: string;
  /** Files in PEM form. With it, TLS is spoken. */
  readonly tls?: {
    readonly ca?: string;
    readonly servername?: string;
    readonly cert?: string;
    readonly key?: string;
  };
}

/** Commands that are run one after the other around a restore. */
export interface RestorePlan {
  /** Stops what uses the objects. */
  readonly before: readonly Command[];
  /** Starts it again. */
  readonly after: readonly Command[];
}

/** Objects that are snapshotted together, and what uses them. */
export interface GroupPlan {
  readonly name: string;
  /** Names or identities. */
  readonly objects: readonly string[];
  readonly drivers: readonly QuiesceDriver[];
  readonly applicationTimeoutMs?: number;
  readonly initiatedTimeoutMs?: number;
  readonly whenNotReady?: 'abort' | 'lower';
  readonly restore: RestorePlan;
  /** How often the agent takes a snapshot. */
  readonly everyMs?: number;
}

/** What the manager works by; docs/device-manager.md describes the file. */
export interface Plan {
  readonly server: ServerPlan;
  readonly groups: readonly GroupPlan[];
}

/** How a snapshot of a group is taken. */
export function snapshotOptionsOf(group: GroupPlan): ConsistentOptions {
  const { objects, drivers, applicationTimeoutMs, initiatedTimeoutMs, whenNotReady } = group;
  return {
    objects,
    drivers,
    ...(applicationTimeoutMs === undefined ? {} : { applicationTimeoutMs }),
    ...(initiatedTimeoutMs === undefined ? {} : { initiatedTimeoutMs }),
    ...(whenNotReady === undefined ? {} : { whenNotReady }),
  };
}

/** The keys of `tls`. */
const TLS_KEYS = ['ca', 'servername', 'cert', 'key'] as const;

/**
 * Reads a plan, in YAML.
 *
 * @param fileName - what complaints call it
 * @throws ManagerError `MANAGER_BAD_PLAN` that tells all that is wrong, a line each, with line and column.
 */
export function parsePlan(text: string, fileName: string): Plan {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const complaints = new Complaints(fileName, lineCounter);
  for (const { pos, message } of document.errors) complaints.add(pos[0], '', message);
  const plan = document.errors.length > 0 ? undefined : readPlan(document.contents, complaints);
  if (plan === undefined || complaints.lines.length > 0)
    throw new ManagerError('MANAGER_BAD_PLAN', complaints.lines.join('\n'));
  return plan;
}

function readPlan(contents: unknown, complaints: Complaints): Plan | undefined {
  const root = Section.of(contents, '', complaints);
  if (root === undefined) return undefined;
  const server = root.section('server');
  const groups = root.section('groups');
  if (server === undefined) root.complain('server is missing');
  if (groups === undefined) root.complain('groups is missing');
  root.end();
  if (server === undefined || groups === undefined) return undefined;
  const named = groups.keys.map((name) => readGroup(name, groups.section(name), complaints));
  return { server: readServer(server), groups: named.filter((group) => group !== undefined) };
}

function readServer(section: Section): ServerPlan {
  const [portals, user, secretFile] = [
    section.texts('portals'),
    section.text('user'),
    section.text('secretFile'),
  ];
  if (portals === undefined) section.complain('portals is missing');
  for (const portal of portals ?? [])
    if (!isPortal(portal)) section.complain(`${portal} is no portal: write host:port, or unix: and a path`);
  const tlsSection = section.section('tls');
  const tls = tlsSection && Object.fromEntries(TLS_KEYS.flatMap((key) => entryOf(key, tlsSection.text(key))));
  tlsSection?.end();
  section.end();
  return {
    portals: portals ?? [],
    ...(user === undefined ? {} : { user }),
    ...(secretFile === undefined ? {} : { secretFile }),
    ...(tls === undefined ? {} : { tls }),
  };
}

const entryOf = <T>(key: string, value: T | undefined): [string, T][] =>
  value === undefined ? [] : [[key, value]];

const PORTAL = /^(?:unix:(?<path>.+)|(?:\[(?<address>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5}))$/;

function isPortal(text: string): boolean {
  const port = PORTAL.exec(text)?.groups?.['port'];
  return PORTAL.test(text) && (port === undefined || (Number(port) > 0 && Number(port) < 65_536));
}

/** A portal as `connectNbs` takes it, without TLS. */
export function portalAddress(text: string): NbsAddress {
  const { path, address, host = address ?? '', port } = PORTAL.exec(text)?.groups ?? {};
  return path === undefined ? { host, port: Number(port) } : { path };
}

function readGroup(
  name: string,
  section: Section | undefined,
  complaints: Complaints,
): GroupPlan | undefined {
  if (section === undefined) return undefined;
  const objects = section.texts('objects');
  if (objects === undefined) section.complain('objects is missing');
  const restore = section.section('restore');
  const numbers = ['applicationTimeoutMs', 'initiatedTimeoutMs', 'everyMs'] as const;
  const whenNotReady = section.choice('whenNotReady', ['abort', 'lower']);
  const group: GroupPlan = {
    name,
    objects: objects ?? [],
    drivers: readDrivers(section, complaints),
    ...Object.fromEntries(numbers.flatMap((key) => entryOf(key, section.integer(key)))),
    ...(whenNotReady === undefined ? {} : { whenNotReady }),
    restore: {
      before: commandsOf(restore, 'before', complaints),
      after: commandsOf(restore, 'after', complaints),
    },
  };
  restore?.end();
  section.end();
  return group;
}

function commandsOf(section: Section | undefined, key: string, complaints: Complaints): Command[] {
  const path = `${section?.path}.${key}`;
  const commands = section?.list(key)?.map((node, index) => commandOf(node, `${path}[${index}]`, complaints));
  return commands?.filter((command) => command !== undefined) ?? [];
}
