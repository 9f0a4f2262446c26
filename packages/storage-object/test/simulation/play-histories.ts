// One worker of the long suite: `play-histories.ts storage-<kind> <first seed> <count>`.
import { workThrough } from '../../../block/test/support/histories.ts';
import type { Kind } from './support/object-history.ts';
import { playHistories } from './support/play.ts';

await workThrough((kind, range, tell) => playHistories(kind as Kind, range, tell));
