import {
  isRetentionGrid,
  isSchedule,
  type ConsistencyLevel,
  type RetentionGrid,
  type SnapshotMethod,
  type SnapshotSchedule,
  type SpacePolicy,
} from '@lunbox/snapshot';
import { isAbsolute } from 'node:path';

/** Fields of requests about snapshots. */
export interface SnapFields {
  /** A snapshot: its name or its identity. */
  readonly snapshot: string;
  /** A later one. */
  readonly until: string;
  readonly name: string;
  readonly level: ConsistencyLevel;
  readonly labels: Readonly<Record<string, string>>;
  readonly method: SnapshotMethod;
  /** Who holds a snapshot. */
  readonly holder: string;
  /** Where a snapshot is published, an absolute path. */
  readonly directory: string;
  /** The file that is to be a clone, an absolute path. */
  readonly target: string;
  /** The manifest of a publication, an absolute path. */
  readonly manifest: string;
  /** How fast a snapshot is read at most. */
  readonly bytesPerSecond: number;
  /** What snapshots may take; null is as much as there is. */
  readonly limitBytes: number | null;
  readonly whenFull: SpacePolicy['whenFull'];
  /** Disks of a group: LUNs, or absolute paths. */
  readonly disks: readonly (number | string)[];
  /** What is kept of the snapshots that are looked at. */
  readonly keep: RetentionGrid;
  /** When snapshots are taken by themselves; null is never. */
  readonly schedule: SnapshotSchedule | null;
  /** How the names of those begin that are looked at. */
  readonly prefix: string;
  /** All of them are looked at. */
  readonly all: boolean;
  /** Nothing is deleted. */
  readonly dryRun: boolean;
  /** While what uses the disk is suspended. */
  readonly quiesce: boolean;
  /** The LUN that a snapshot gets. */
  readonly asLun: number;
}

/** How sure a snapshot is, as `--level` says it. */
export const LEVELS: readonly ConsistencyLevel[] = ['crash', 'filesystem', 'application'];

/** How a snapshot is taken, as `--method` says it. */
export const METHODS: readonly SnapshotMethod[] = ['auto', 'log', 'reflink'];

/** What can be done when there is no room for what snapshots need. */
export const WHEN_FULL: readonly SpacePolicy['whenFull'][] = ['drop-oldest', 'refuse'];

const TEXT_LIMIT = 255;
const LABEL_LIMIT = 64;
/** Disks of one group. */
const DISK_LIMIT = 64;

/** Text on one line that people give things as a name. */
export function isLabelText(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length > 0 && value.length <= TEXT_LIMIT && !/\p{Cc}/u.test(value)
  );
}

const isTruth = (value: unknown): boolean => typeof value === 'boolean';
const isPath = (value: unknown): boolean => typeof value === 'string' && isAbsolute(value);

const isRate = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

function isScheduleField(value: unknown): boolean {
  return value === null || (isSchedule(value) && areLabels(value.labels ?? {}));
}

function areLabels(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= LABEL_LIMIT && entries.every(([key, text]) => isLabelText(key) && isLabelText(text))
  );
}

function isLimit(value: unknown): boolean {
  return value === null || (Number.isSafeInteger(value) && (value as number) > 0);
}

function isWhenFull(value: unknown): boolean {
  return WHEN_FULL.some((each) => each === value);
}

function isMethod(value: unknown): boolean {
  return METHODS.some((each) => each === value);
}

function areDisks(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 2 || value.length > DISK_LIMIT) return false;
  return value.every((each) => isPath(each) || (Number.isSafeInteger(each) && each >= 0));
}

function isLevel(value: unknown): boolean {
  return LEVELS.some((level) => level === value);
}

/** What each of the fields has to be. */
export const SNAP_CHECKS: Readonly<
  Record<Exclude<keyof SnapFields, 'asLun'>, readonly [what: string, isRight: (value: unknown) => boolean]>
> = {
  snapshot: ['the name or the identity of a snapshot', isLabelText],
  until: ['the name or the identity of a snapshot', isLabelText],
  disks: [`2 to ${DISK_LIMIT} disks: numbers of LUNs, or absolute paths`, areDisks],
  keep: [
    'an object with whole numbers for last, hourly, daily, weekly, monthly, yearly, olderThanMs',
    isRetentionGrid,
  ],
  schedule: ['null, or an object with everyMs and what belongs to it', isScheduleField],
  prefix: ['a text of 1 to 255 characters on one line', isLabelText],
  all: ['true or false', isTruth],
  dryRun: ['true or false', isTruth],
  quiesce: ['true or false', isTruth],
  name: ['a name of 1 to 255 characters on one line', isLabelText],
  level: [`one of ${LEVELS.join(', ')}`, isLevel],
  labels: [`an object with up to ${LABEL_LIMIT} texts of 1 to 255 characters`, areLabels],
  directory: ['an absolute path', isPath],
  target: ['an absolute path', isPath],
  manifest: ['an absolute path', isPath],
  bytesPerSecond: ['a number of bytes, above zero', isRate],
  limitBytes: ['a whole number of bytes, at least 1, or null', isLimit],
  method: [`one of ${METHODS.join(', ')}`, isMethod],
  whenFull: [`one of ${WHEN_FULL.join(', ')}`, isWhenFull],
  holder: ['who holds it, 1 to 255 characters on one line', isLabelText],
};

/** What a server can be asked to do with the snapshots of a disk, which is a LUN or the file behind one. */
export const SNAP_VERBS = {
  'snap-create': {
    words: [],
    flags: ['lun', 'path', 'name', 'level', 'labels', 'method', 'quiesce'],
    needed: [],
  },
  'snap-group': { words: [], flags: ['disks', 'name', 'level', 'labels', 'quiesce'], needed: ['disks'] },
  'snap-schedule': { words: [], flags: ['lun', 'path', 'schedule'], needed: [] },
  'snap-prune': {
    words: [],
    flags: ['lun', 'path', 'keep', 'prefix', 'labels', 'all', 'dryRun'],
    needed: ['keep'],
  },
  'snap-ls': { words: [], flags: ['lun', 'path'], needed: [] },
  'snap-rm': { words: [], flags: ['lun', 'path', 'snapshot'], needed: ['snapshot'] },
  'snap-rename': { words: [], flags: ['lun', 'path', 'snapshot', 'name'], needed: ['snapshot', 'name'] },
  'snap-hold': { words: [], flags: ['lun', 'path', 'snapshot', 'holder'], needed: ['snapshot', 'holder'] },
  'snap-release': { words: [], flags: ['lun', 'path', 'snapshot', 'holder'], needed: ['snapshot', 'holder'] },
  'snap-refresh': {
    words: [],
    flags: ['lun', 'path', 'snapshot', 'level', 'labels', 'method'],
    needed: ['snapshot'],
  },
  'snap-bookmark': { words: [], flags: ['lun', 'path', 'snapshot'], needed: ['snapshot'] },
  'snap-policy': { words: [], flags: ['lun', 'path', 'limitBytes', 'whenFull', 'method'], needed: [] },
  'snap-diff': { words: [], flags: ['lun', 'path', 'snapshot', 'until'], needed: ['snapshot'] },
  'snap-restore': { words: [], flags: ['lun', 'path', 'snapshot', 'name', 'force'], needed: ['snapshot'] },
  'snap-open': { words: [], flags: ['lun', 'path', 'snapshot', 'asLun'], needed: ['snapshot'] },
  'snap-publish': {
    words: [],
    flags: ['lun', 'path', 'snapshot', 'directory', 'name', 'bytesPerSecond'],
    needed: ['snapshot', 'directory'],
  },
  'snap-clone': {
    words: [],
    flags: ['lun', 'path', 'snapshot', 'target', 'bytesPerSecond'],
    needed: ['snapshot', 'target'],
  },
  'snap-verify': {
    words: [],
    flags: ['lun', 'path', 'snapshot', 'manifest', 'bytesPerSecond'],
    needed: ['snapshot'],
  },
  'snap-close': { words: [], flags: ['lun', 'path', 'snapshot'], needed: ['snapshot'] },
} as const;

/** One of the verbs. */
export type SnapVerb = keyof typeof SNAP_VERBS;
