import type { Profile } from './plan.ts';

const CALM = { breaks: 0, corrupts: 0, staleLogins: 0 };

/** Kinds of histories. */
export const PROFILES = {
  /** Nothing goes wrong but what callers do themselves, and a disk that fails now and then. */
  calm: { weather: CALM, aborts: 0.2, management: 0.1, deviceFailures: 0.05, recoveryLevels: [0, 1] },
  /** Connections break, in every way, and stale logins come again. */
  cuts: {
    weather: { breaks: 0.5, corrupts: 0, staleLogins: 0.1 },
    aborts: 0.1,
    management: 0.05,
    deviceFailures: 0.05,
    recoveryLevels: [0, 1],
  },
  /** Bytes change where a digest covers them. */
  corruption: {
    weather: { breaks: 0.1, corrupts: 0.7, staleLogins: 0 },
    aborts: 0.1,
    management: 0.05,
    deviceFailures: 0.05,
    recoveryLevels: [0, 1],
  },
} as const satisfies Record<string, Profile>;

/** Name of a kind of histories. */
export type ProfileName = keyof typeof PROFILES;
