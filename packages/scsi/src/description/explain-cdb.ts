import { findCdb } from '../cdb/describe-cdb.ts';
import { explainUnknownCdb } from '../cdb/unknown-cdb.ts';
import { hexBytes, standardName, type DescribedField, type Description } from './description.ts';

/** What a CDB says: every field by its name in the standard, and what can be told of a command that is not known. */
export function explainCdb(cdb: Uint8Array, deviceType: number = 0x00): Description {
  const definition = findCdb(cdb, deviceType);
  if (definition === undefined) return explainUnknownCdb(cdb);
  const decoded: Readonly<Record<string, unknown>> = { ...definition.decode(cdb) };
  const fields = definition.structure.fieldNames.map((name): DescribedField => {
    const value = decoded[name];
    const shown =
      value instanceof Uint8Array ? hexBytes(value) : typeof value === 'number' ? value : String(value);
    return { name: standardName(name), value: shown };
  });
  const truncated = cdb.length < definition.lengthBytes;
  return { title: definition.name, fields, parts: [], ...(truncated ? { truncated } : {}) };
}
