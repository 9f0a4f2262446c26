// One worker of the long suite: `play-histories.ts snapshot-<kind> <first seed> <count>`.
import { workThrough } from '../../../block/test/support/histories.ts';
import { playHistories, type Kind } from '../support/history.ts';

await workThrough((kind, range, tell) => playHistories(kind as Kind, range, tell));
