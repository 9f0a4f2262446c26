import type { MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import {
  COPY_OPERATION_ABORT,
  EXTENDED_COPY,
  EXTENDED_COPY_LID1,
  type ExtendedCopyCdb,
} from '../cdb/copy-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { checkedCopyList, type CheckedCopyList } from '../copy/checked-copy-list.ts';
import { MAX_DESCRIPTOR_LIST_BYTES } from '../copy/copy-limits.ts';
import { CopyOperation } from '../copy/copy-operation.ts';
import { extendedCopyHeaderBytes, ListIdUsage, type ExtendedCopyKind } from '../copy/extended-copy-list.ts';
import { runCopy } from '../copy/run-copy.ts';
import { SegmentCopy } from '../copy/segment-copy.ts';
import { Status, type Execution, type Finished, type ScsiCommand } from '../execution.ts';
import type { Medium } from '../media/medium.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { AdditionalSenseCode, SenseKey } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField } from '../sense/check-condition-error.ts';
import { encodeSense } from '../sense/sense-data.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';

function startExtendedCopy(
  itl: ItlNexus,
  command: ScsiCommand,
  cdb: CdbDefinition<ExtendedCopyCdb>,
  kind: ExtendedCopyKind,
): Execution {
  const lengthBytes = cdb.decode(command.cdb).PARAMETER_LIST_LENGTH;
  // SPC-4 6.4.1: no parameter list copies nothing.
  if (lengthBytes === 0) return GOOD;
  if (lengthBytes > extendedCopyHeaderBytes(kind) + MAX_DESCRIPTOR_LIST_BYTES) {
    throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  }
  // Another medium that is put in while the list is on its way is none that the command is about.
  const { medium } = itl.unit;
  return new ParameterList(itl, 0, lengthBytes, (list) => {
    const checked = checkedCopyList(kind, list);
    return copySegments(itl, command, cdb, checked, medium);
  });
}

function copySegments(
  itl: ItlNexus,
  command: ScsiCommand,
  cdb: CdbDefinition<ExtendedCopyCdb>,
  list: CheckedCopyList,
  medium: Medium,
): MaybePromise<Finished> {
  const { listId, listIdUsage, immediate, goodWithSense } = list.header;
  const unnamed = listIdUsage === ListIdUsage.NONE;
  // SPC-4 6.4.3: nobody could hear of the end; the standard makes it an error of the CDB.
  if (immediate && (goodWithSense || unnamed)) {
    throw illegalRequest(AdditionalSenseCode.INVALID_FIELD_IN_CDB);
  }
  const operation = new CopyOperation(cdb.serviceAction ?? 0, immediate);
  return runCopy(itl, command, {
    operation,
    listId: unnamed ? undefined : listId,
    immediate,
    work: (task) => new SegmentCopy(itl, list, operation, task, medium).run(),
    ...(goodWithSense ? { answer: () => goodWith(itl, operation) } : {}),
  });
}

/** GOOD with the number of segments that were processed (SPC-4 6.4.2). */
function goodWith({ unit }: ItlNexus, { segmentsProcessed }: CopyOperation): Finished {
  const sense = {
    senseKey: SenseKey.COMPLETED,
    ...AdditionalSenseCode.EXTENDED_COPY_INFORMATION_AVAILABLE,
    commandSpecific: segmentsProcessed,
  };
  return { kind: 'finished', status: Status.GOOD, sense: encodeSense(sense, unit.modes.descriptorSense) };
}

/** Completes when the copy has ended (SPC-4 5.17.4.7). */
async function abortCopy(itl: ItlNexus, { cdb }: ScsiCommand): Promise<Finished> {
  const operation = itl.copies.find(COPY_OPERATION_ABORT.decode(cdb).LIST_IDENTIFIER);
  if (operation === undefined || operation.over) {
    throw invalidCdbField(COPY_OPERATION_ABORT, 'LIST_IDENTIFIER');
  }
  await operation.abort();
  return GOOD;
}

/** EXTENDED COPY of both kinds, and COPY OPERATION ABORT. */
export const EXTENDED_COPY_COMMANDS: readonly CommandEntry[] = [
  defineCommand(
    EXTENDED_COPY_LID1,
    (itl, command) => startExtendedCopy(itl, command, EXTENDED_COPY_LID1, 'lid1'),
    { timeouts: SLOW },
  ),
  defineCommand(EXTENDED_COPY, (itl, command) => startExtendedCopy(itl, command, EXTENDED_COPY, 'lid4'), {
    timeouts: SLOW,
  }),
  defineCommand(COPY_OPERATION_ABORT, abortCopy),
];
