// One worker of the long suite: `play-histories.ts scsi-<kind> <first seed> <count>`.
import { workThrough } from '../../../block/test/support/histories.ts';
import { playHistories, type Kind } from './support/play.ts';

await workThrough((kind, range, tell) => playHistories(kind as Kind, range, tell));
