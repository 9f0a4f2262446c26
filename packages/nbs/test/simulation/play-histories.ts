// One worker of the long suite: `play-histories.ts <kind of history> <first seed> <count>`.
import { workThrough } from '../../../block/test/support/histories.ts';
import { playSessionHistories } from '../support/session-history.ts';

await workThrough(playSessionHistories);
