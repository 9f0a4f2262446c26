import type { AnyCdbDefinition } from '../cdb/cdb-definition.ts';
import { explainData } from '../description/data-format.ts';
import { type Description } from '../description/description.ts';
import { findCdb } from '../cdb/describe-cdb.ts';
import { BLOCK_DATA } from './block-command-data.ts';
import type { CommandData } from './command-data-row.ts';
import { COPY_DATA } from './copy-command-data.ts';
import { PATH_DATA } from './path-command-data.ts';
import { DISC_DATA } from './disc-command-data.ts';
import { PRIMARY_DATA } from './primary-command-data.ts';
import { RESERVATION_DATA } from './reservation-command-data.ts';

/** The data of every command that has a CDB definition. */
export const COMMAND_DATA: readonly CommandData[] = [
  ...PRIMARY_DATA,
  ...BLOCK_DATA,
  ...COPY_DATA,
  ...RESERVATION_DATA,
  ...PATH_DATA,
  ...DISC_DATA,
];

const BY_CDB: ReadonlyMap<AnyCdbDefinition, CommandData> = new Map(COMMAND_DATA.map((row) => [row.cdb, row]));

/** What the data of a command to the initiator says; undefined when it has none with a format. */
export function explainDataIn(cdb: Uint8Array, data: Uint8Array): Description | undefined {
  return explainWith('dataIn', cdb, data);
}

/** What the parameter list of a command says; undefined when it has none with a format. */
export function explainDataOut(cdb: Uint8Array, data: Uint8Array): Description | undefined {
  return explainWith('dataOut', cdb, data);
}

function explainWith(
  direction: 'dataIn' | 'dataOut',
  cdb: Uint8Array,
  data: Uint8Array,
): Description | undefined {
  const definition = findCdb(cdb);
  const format = definition && BY_CDB.get(definition)?.[direction];
  if (definition === undefined || format === undefined || typeof format === 'string') return undefined;
  // Decoders of CDBs may look at all of it.
  const whole = new Uint8Array(Math.max(cdb.length, definition.lengthBytes));
  whole.set(cdb);
  return explainData(format, data, whole);
}
