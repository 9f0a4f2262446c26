import { serviceActionOf, VARIABLE_LENGTH } from './cdb-definition.ts';
import { GROUP_LENGTHS } from './control-byte.ts';
import { hexBytes, hexCode, type Description } from '../description/description.ts';

/** Operation codes whose commands have a service action (SPC-5 annex F). */
const WITH_SERVICE_ACTION: ReadonlySet<number> = new Set([
  0x48,
  0x5e,
  0x5f,
  VARIABLE_LENGTH,
  0x83,
  0x84,
  0x94,
  0x95,
  0x9b,
  0x9d,
  0x9e,
  0x9f,
  0xa3,
  0xa4,
  0xa9,
  0xab,
]);

/** What can be told of a command that this package does not know. */
export function explainUnknownCdb(cdb: Uint8Array): Description {
  const operationCode = cdb[0] ?? 0;
  const group = operationCode >> 5;
  const length = operationCode === VARIABLE_LENGTH ? 8 + (cdb[7] ?? 0) : GROUP_LENGTHS[group]!;
  const action = serviceAction(cdb);
  return {
    title: `operation code ${hexCode(operationCode)}`,
    fields: [
      { name: 'GROUP CODE', value: group, meaning: group >= 6 ? 'vendor specific' : 'unknown command' },
      ...(length === 0 ? [] : [{ name: 'CDB LENGTH', value: length }]),
      ...(action === undefined ? [] : [{ name: 'SERVICE ACTION', value: action }]),
      { name: 'BYTES', value: hexBytes(cdb) },
    ],
    parts: [],
  };
}

/** The service action of a command that is not known, where its operation code has such. */
function serviceAction(cdb: Uint8Array): number | undefined {
  return WITH_SERVICE_ACTION.has(cdb[0] ?? 0) ? serviceActionOf(cdb) : undefined;
}
