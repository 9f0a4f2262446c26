// One worker of the long suite: `play-histories.ts <kind of history> <first seed> <count>`.
import { workThrough } from '../../../block/test/support/histories.ts';
import { playGroupHistories, type GroupKind } from '../support/group-history.ts';
import { playHistories, type Kind } from '../support/history.ts';
import { playShortHistories, type ShortKind } from '../support/short-history.ts';

await workThrough((kind, range, tell) => {
  if (kind.startsWith('snapshot-short')) return playShortHistories(kind as ShortKind, range, tell);
  if (kind.startsWith('group-')) return playGroupHistories(kind as GroupKind, range, tell);
  return playHistories(kind as Kind, range, tell);
});
