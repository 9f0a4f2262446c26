// One worker of the long suite: `play-histories.ts snapshot-<kind>|group-<kind> <first seed> <count>`.
import { workThrough } from '../../../block/test/support/histories.ts';
import { playGroupHistories, type GroupKind } from '../support/group-history.ts';
import { playHistories, type Kind } from '../support/history.ts';

await workThrough((kind, range, tell) =>
  kind.startsWith('group-')
    ? playGroupHistories(kind as GroupKind, range, tell)
    : playHistories(kind as Kind, range, tell),
);
