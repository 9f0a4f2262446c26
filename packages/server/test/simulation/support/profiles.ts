import type { Profile } from './plan.ts';

const CALM = { breaks: 0, corrupts: 0, staleLogins: 0 };

const USUAL = {
  aborts: 0.1,
  management: 0.05,
  deviceFailures: 0.05,
  recoveryLevels: [0, 1],
  connections: [1],
  reshaping: 0,
} as const;

/** Several connections, added and taken away while commands run, at every level of error recovery. */
const SHARED = { ...USUAL, recoveryLevels: [0, 1, 2, 2], connections: [1, 2, 3, 4], reshaping: 0.1 } as const;

const BREAKING = { breaks: 0.4, corrupts: 0, staleLogins: 0.1 };
const CORRUPTING = { breaks: 0.1, corrupts: 0.7, staleLogins: 0 };

/** Kinds of histories. */
export const PROFILES = {
  /** Nothing goes wrong but what callers do themselves, and a disk that fails now and then. */
  calm: { ...USUAL, weather: CALM, aborts: 0.2, management: 0.1 },
  /** Connections break, in every way, and stale logins come again. */
  cuts: { ...USUAL, weather: BREAKING },
  /** Bytes change where a digest covers them. */
  corruption: { ...USUAL, weather: CORRUPTING },
  'shared-calm': { ...SHARED, weather: CALM },
  'shared-cuts': { ...SHARED, weather: BREAKING },
  'shared-corruption': { ...SHARED, weather: CORRUPTING },
} as const satisfies Record<string, Profile>;

/** Name of a kind of histories. */
export type ProfileName = keyof typeof PROFILES;
