// One worker of the long suite: `play-histories.ts <profile> <first seed> <count>`.
import { workThrough } from '../../../block/test/support/histories.ts';
import { playAll } from './support/play-all.ts';
import type { ProfileName } from './support/profiles.ts';

await workThrough((profile, range, tell) => playAll(profile as ProfileName, range, tell));
