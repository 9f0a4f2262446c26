import { answer } from '../answers.ts';
import {
  REPORT_SUPPORTED_OPERATION_CODES as RSOC,
  type ReportSupportedOperationCodesCdb,
} from '../cdb/primary-cdbs.ts';
import { buildAllOpcodes, buildOneOpcode } from '../data/supported-opcodes.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { ALL_UNITS, type UnitKind } from '../unit/unit-kind.ts';
import { cdbUsageMask, defineCommand, type CommandEntry } from './command-entry.ts';

/** REPORTING OPTIONS (SPC-4 table 278). */
const ReportingOptions = { ALL: 0b000, OPCODE: 0b001, OPCODE_AND_SERVICE_ACTION: 0b010 } as const;

/** REPORT SUPPORTED OPERATION CODES over the rows of a kind of unit, of which it is itself one. */
export function reportSupportedOpcodes(rowsOf: (kind: UnitKind) => readonly CommandEntry[]): CommandEntry {
  const start = ({ unit }: ItlNexus, command: ScsiCommand): Finished => {
    const fields = RSOC.decode(command.cdb);
    const withTimeouts = fields.RCTD === 1;
    const type = unit.protection?.type ?? 0;
    const rows = rowsOf(unit.kind).filter(({ needsType2 }) => !needsType2 || type === 2);
    const data =
      fields.REPORTING_OPTIONS === ReportingOptions.ALL
        ? allOpcodes(rows, withTimeouts)
        : oneOpcode(findRequested(rows, fields), withTimeouts, type !== 0);
    return answer(data, fields.ALLOCATION_LENGTH);
  };
  const properties = { units: ALL_UNITS, reservation: 'allowed', access: 'reads', path: 'standby' } as const;
  return defineCommand(RSOC, start, properties);
}

function allOpcodes(table: readonly CommandEntry[], withTimeouts: boolean): Uint8Array {
  const opcodes = table.map(({ cdb, timeouts }) => ({
    operationCode: cdb.operationCode,
    ...(cdb.serviceAction === undefined ? {} : { serviceAction: cdb.serviceAction }),
    cdbLengthBytes: cdb.lengthBytes,
    ...(withTimeouts ? { timeouts } : {}),
  }));
  return buildAllOpcodes(opcodes);
}

function oneOpcode(entry: CommandEntry | undefined, withTimeouts: boolean, formatted: boolean): Uint8Array {
  if (entry === undefined) return buildOneOpcode({ supported: false, usageMask: new Uint8Array(0) });
  const timeouts = withTimeouts ? { timeouts: entry.timeouts } : {};
  return buildOneOpcode({ supported: true, usageMask: cdbUsageMask(entry, formatted), ...timeouts });
}

/** SPC-4 6.35.1: the reporting option must fit whether the operation code has service actions. */
function findRequested(
  table: readonly CommandEntry[],
  fields: ReportSupportedOperationCodesCdb,
): CommandEntry | undefined {
  const rows = table.filter(({ cdb }) => cdb.operationCode === fields.REQUESTED_OPERATION_CODE);
  const hasServiceActions = rows.some(({ cdb }) => cdb.serviceAction !== undefined);
  if (fields.REPORTING_OPTIONS === ReportingOptions.OPCODE) {
    if (hasServiceActions) throw invalidCdbField(RSOC, 'REQUESTED_OPERATION_CODE');
    return rows[0];
  }
  if (fields.REPORTING_OPTIONS !== ReportingOptions.OPCODE_AND_SERVICE_ACTION) {
    throw invalidCdbField(RSOC, 'REPORTING_OPTIONS');
  }
  if (rows.length > 0 && !hasServiceActions) throw invalidCdbField(RSOC, 'REQUESTED_OPERATION_CODE');
  return rows.find(({ cdb }) => cdb.serviceAction === fields.REQUESTED_SERVICE_ACTION);
}
