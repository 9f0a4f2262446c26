import { BLOCK_EFFECTS } from './block-effects.ts';
import type { CommandEffect } from './command-effect.ts';
import { COPY_EFFECTS } from './copy-effects.ts';
import { DIAGNOSTIC_EFFECTS } from './diagnostic-effects.ts';
import { DISC_EFFECTS } from './disc-effects.ts';
import { DRIVE_EFFECTS } from './drive-effects.ts';
import { PATH_EFFECTS } from './path-effects.ts';
import { PRIMARY_EFFECTS } from './primary-effects.ts';
import { RESERVATION_EFFECTS } from './reservation-effects.ts';
import { TYPE_2_EFFECTS } from './type-2-effects.ts';

/** What every command does, for all kinds of units. */
export const ALL_EFFECTS: readonly CommandEffect[] = [
  ...PRIMARY_EFFECTS,
  ...BLOCK_EFFECTS,
  ...TYPE_2_EFFECTS,
  ...COPY_EFFECTS,
  ...RESERVATION_EFFECTS,
  ...DIAGNOSTIC_EFFECTS,
  ...PATH_EFFECTS,
  ...DISC_EFFECTS,
  ...DRIVE_EFFECTS,
];
