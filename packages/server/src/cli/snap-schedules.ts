import type { Clock } from '@lunbox/block';
import {
  lastRunMs,
  nextRunMs,
  SCHEDULED_PREFIX,
  scheduledName,
  type SnapshotSchedule,
} from '@lunbox/snapshot';
import { ServerError } from '../server-error.ts';
import type { SnapDesk } from './snap-desk.ts';
import { prune } from './snap-prune.ts';

/** A disk that is served. */
export interface ScheduledDesk {
  readonly lun: number;
  readonly desk: SnapDesk;
}

/** What runs schedules. */
export interface ScheduleParts {
  /** The disks that are served now. */
  readonly desks: () => readonly ScheduledDesk[];
  readonly clock: Clock;
  /** A number from 0 up to, not including, 1. */
  readonly random: () => number;
  /** Hears of a run that failed, and when it is tried again. */
  readonly onFailure: (scheduled: ScheduledDesk, error: unknown, retryMs: number) => void;
  /** Hears why what uses a disk was not suspended; its snapshot is taken all the same, as after a crash. */
  readonly onNotQuiesced?: (scheduled: ScheduledDesk, error: ServerError) => void;
}

/** How often schedules are looked at. */
const LOOK_MS = 500;
/** A run is late by a share of its interval, so that not all disks work at once, and by so much at most. */
const JITTER_SHARE = 0.05;
const JITTER_MS = 60_000;
/** How long after a failure it is tried again: first, and at most. */
const RETRY_MS = 1000;
const RETRY_LIMIT_MS = 3_600_000;

/** How it goes with one disk. */
interface Course {
  isRunning: boolean;
  failures: number;
  /** Not before this. */
  notBeforeMs: number;
  /** Late by this share of what it may be. */
  jitter: number;
}

/**
 * Takes the snapshots that the schedules of served disks ask for, and deletes those that they do not keep. Runs that
 * were missed while no server had the disk are made up for once. No two runs of a disk overlap.
 */
export class SnapshotSchedules {
  readonly #parts: ScheduleParts;
  /** By the files of disks. */
  readonly #courses = new Map<string, Course>();
  readonly #running = new Set<Promise<void>>();
  #cancel: (() => void) | undefined;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
    this.#lookLater();
  }

  /** No run begins any more; completes when those that have begun have ended. */
  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await Promise.all(this.#running);
  }

  #lookLater(): void {
    this.#cancel = this.#parts.clock.setTimer(LOOK_MS, () => {
      this.#lookLater();
      for (const scheduled of this.#parts.desks()) this.#look(scheduled);
    });
  }

  #look(scheduled: ScheduledDesk): void {
    const { disk, set } = scheduled.desk;
    const { schedule } = set;
    if (schedule === undefined) {
      this.#courses.delete(disk);
      return;
    }
    const course = this.#courses.get(disk) ?? this.#newCourse(disk);
    const nowMs = this.#parts.clock.unixMs();
    if (course.isRunning || nowMs < course.notBeforeMs) return;
    const lastMs = lastRunMs(set.list(), nowMs);
    const lateMs = Math.min(schedule.everyMs * JITTER_SHARE, JITTER_MS) * course.jitter;
    // Late against the time that it is for, so that it is not put off again and again.
    if (nextRunMs(schedule, lastMs, nowMs - lateMs) > nowMs - lateMs) return;
    const run = this.#run(scheduled, schedule, course).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  #newCourse(disk: string): Course {
    const course = { isRunning: false, failures: 0, notBeforeMs: 0, jitter: this.#parts.random() };
    this.#courses.set(disk, course);
    return course;
  }

  async #run(scheduled: ScheduledDesk, schedule: SnapshotSchedule, course: Course): Promise<void> {
    const { clock, random, onFailure } = this.#parts;
    course.isRunning = true;
    try {
      await this.#takeOne(scheduled, schedule, clock.unixMs());
      if (schedule.keep !== undefined) await prune(scheduled.desk, { keep: schedule.keep }, clock.unixMs());
      course.failures = 0;
    } catch (error) {
      const retryMs = Math.min(RETRY_MS * 2 ** course.failures, RETRY_LIMIT_MS);
      course.failures++;
      course.notBeforeMs = clock.unixMs() + retryMs;
      onFailure(scheduled, error, retryMs);
    } finally {
      course.jitter = random();
      course.isRunning = false;
    }
  }

  /** A schedule that says a level gets that; else what uses the disk is suspended, where somebody looks after that. */
  async #takeOne(scheduled: ScheduledDesk, schedule: SnapshotSchedule, nowMs: number): Promise<void> {
    const { level, labels = {} } = schedule;
    const { desk } = scheduled;
    const name = freeName(desk, schedule, nowMs);
    if (level === undefined && desk.createQuiesced !== undefined) {
      try {
        await desk.createQuiesced({ name, labels });
        return;
      } catch (error) {
        if (!(error instanceof ServerError) || error.code !== 'SERVER_QUIESCE_FAILED') throw error;
        this.#parts.onNotQuiesced?.(scheduled, error);
      }
    }
    await desk.set.create({ name, level: level ?? 'crash', labels });
  }
}

/** Where the clock went backwards the name may be taken; then it is the time of now, to the millisecond. */
function freeName({ set }: SnapDesk, schedule: SnapshotSchedule, nowMs: number): string {
  const wanted = scheduledName(schedule, nowMs);
  const isTaken = set.list().some(({ name }) => name === wanted);
  return isTaken ? `${SCHEDULED_PREFIX}${new Date(nowMs).toISOString()}` : wanted;
}
