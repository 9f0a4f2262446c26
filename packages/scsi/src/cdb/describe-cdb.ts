import { hexBytes, standardName } from '../description/description.ts';
import { CDB_DEFINITIONS } from './cdb-catalogue.ts';
import { serviceActionOf, type AnyCdbDefinition } from './cdb-definition.ts';
import { explainUnknownCdb } from './unknown-cdb.ts';

/** Fields that name the command rather than tell what it does. */
const IDENTITY = new Set(['OPERATION_CODE', 'SERVICE_ACTION', 'ADDITIONAL_CDB_LENGTH']);

/**
 * The definition of the command in `cdb` for a unit of this PERIPHERAL DEVICE TYPE; undefined when this package does
 * not know it.
 */
export function findCdb(cdb: Uint8Array, deviceType: number = 0x00): AnyCdbDefinition | undefined {
  const found = CDB_DEFINITIONS.filter(
    (definition) =>
      definition.operationCode === cdb[0] &&
      (definition.serviceAction === undefined || definition.serviceAction === serviceActionOf(cdb)),
  );
  return found.find((definition) => (definition.deviceType ?? deviceType) === deviceType) ?? found[0];
}

/**
 * One line for people: the command's name and every field that is not zero, e.g. `READ (10) LOGICAL BLOCK
 * ADDRESS=8`; of a command that is not known what its operation code tells.
 */
export function describeCdb(cdb: Uint8Array, deviceType: number = 0x00): string {
  const definition = findCdb(cdb, deviceType);
  if (definition === undefined) return describeUnknown(cdb);
  const fields = Object.entries(definition.decode(cdb))
    .filter(([name, value]) => value !== 0 && !IDENTITY.has(name))
    .map(([name, value]) => `${standardName(name)}=${value instanceof Uint8Array ? hexBytes(value) : value}`);
  return [definition.name, ...fields].join(' ');
}

function describeUnknown(cdb: Uint8Array): string {
  const { title, fields } = explainUnknownCdb(cdb);
  return [title, ...fields.map(({ name, value }) => `${name}=${value}`)].join(' ');
}
