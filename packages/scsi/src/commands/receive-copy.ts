import { answer } from '../answers.ts';
import {
  RECEIVE_COPY_FAILURE_DETAILS_LID1,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_STATUS,
  RECEIVE_COPY_STATUS_LID1,
  RECEIVE_ROD_TOKEN_INFORMATION,
  REPORT_ALL_ROD_TOKENS,
  type ReceiveCopyCdb,
} from '../cdb/copy-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { CopyOperation } from '../copy/copy-operation.ts';
import { buildCopyParameters, COPY_PARAMETERS, DESCRIPTOR_TYPES } from '../copy/copy-parameters.ts';
import {
  buildCopyFailureDetails,
  buildCopyStatus,
  buildCopyStatusLid1,
  buildRodTokenInformation,
} from '../copy/copy-status-data.ts';
import { buildAllRodTokens } from '../copy/rod-token.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';

interface Asked {
  readonly operation: CopyOperation;
  readonly listId: number;
  readonly allocationLength: number;
}

/** The copy that a command asks for. INVALID FIELD IN CDB when there is none that `knows` its list identifier. */
function find(
  { copies }: ItlNexus,
  { cdb }: ScsiCommand,
  definition: CdbDefinition<ReceiveCopyCdb>,
  knows: (operation: CopyOperation) => boolean = () => true,
): Asked {
  const { LIST_IDENTIFIER: listId, ALLOCATION_LENGTH: allocationLength } = definition.decode(cdb);
  const operation = copies.find(listId);
  if (operation === undefined || !knows(operation)) throw invalidCdbField(definition, 'LIST_IDENTIFIER');
  return { operation, listId, allocationLength };
}

/** The end of a copy is told once; how it failed stays for RECEIVE COPY FAILURE DETAILS(LID1). */
function statusLid1(itl: ItlNexus, command: ScsiCommand): Finished {
  const asked = find(itl, command, RECEIVE_COPY_STATUS_LID1, ({ statusTaken }) => !statusTaken);
  const { operation, listId, allocationLength } = asked;
  const data = buildCopyStatusLid1(operation.statusLid1());
  if (operation.over) {
    operation.statusTaken = true;
    if (operation.failureDetails() === undefined) itl.copies.forget(listId);
  }
  return answer(data, allocationLength);
}

function failureDetails(itl: ItlNexus, command: ScsiCommand): Finished {
  const asked = find(itl, command, RECEIVE_COPY_FAILURE_DETAILS_LID1, ({ over }) => over);
  const { operation, listId, allocationLength } = asked;
  const data = buildCopyFailureDetails(operation.failureDetails());
  itl.copies.forget(listId);
  return answer(data, allocationLength);
}

function status(itl: ItlNexus, command: ScsiCommand): Finished {
  const { operation, allocationLength } = find(itl, command, RECEIVE_COPY_STATUS);
  return answer(buildCopyStatus(operation.status()), allocationLength);
}

/** A token is told of until the initiator has all of it, or wants none of it (SPC-4 6.26). */
function rodTokenInformation(itl: ItlNexus, command: ScsiCommand): Finished {
  const { operation, listId, allocationLength } = find(itl, command, RECEIVE_ROD_TOKEN_INFORMATION);
  const data = buildRodTokenInformation(operation.status(), operation.token);
  const taken = operation.token !== undefined && allocationLength >= data.length;
  if (operation.over && (taken || allocationLength === 0)) itl.copies.forget(listId);
  return answer(data, allocationLength);
}

function operatingParameters(_itl: ItlNexus, { cdb }: ScsiCommand): Finished {
  const { ALLOCATION_LENGTH } = RECEIVE_COPY_OPERATING_PARAMETERS.decode(cdb);
  return answer(buildCopyParameters(COPY_PARAMETERS, DESCRIPTOR_TYPES), ALLOCATION_LENGTH);
}

/** The tokens of this unit, without the part of them that nobody can guess. */
function allRodTokens({ host, unit }: ItlNexus, { cdb }: ScsiCommand): Finished {
  const tokens = host.copies.tokens.good.filter((token) => token.unit === unit);
  const data = buildAllRodTokens(tokens.map(({ bytes }) => bytes));
  return answer(data, REPORT_ALL_ROD_TOKENS.decode(cdb).ALLOCATION_LENGTH);
}

/** They tell of the copy manager and not of the medium: no persistent reservation is in their way (SPC-4 table 65). */
const properties: Partial<CommandEntry> = { access: 'free' };

/** The commands that ask for the results of third-party copies and for what the copy manager can do. */
export const RECEIVE_COPY_COMMANDS: readonly CommandEntry[] = [
  defineCommand(RECEIVE_COPY_STATUS_LID1, statusLid1, properties),
  defineCommand(RECEIVE_COPY_OPERATING_PARAMETERS, operatingParameters, properties),
  defineCommand(RECEIVE_COPY_FAILURE_DETAILS_LID1, failureDetails, properties),
  defineCommand(RECEIVE_COPY_STATUS, status, properties),
  defineCommand(RECEIVE_ROD_TOKEN_INFORMATION, rodTokenInformation, properties),
  defineCommand(REPORT_ALL_ROD_TOKENS, allRodTokens, properties),
];
