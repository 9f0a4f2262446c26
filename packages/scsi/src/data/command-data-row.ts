import type { AnyCdbDefinition } from '../cdb/cdb-definition.ts';
import type { DataFormat } from '../description/data-format.ts';

/** What goes along with a command; a text says why a direction has no format. */
export interface CommandData {
  readonly cdb: AnyCdbDefinition;
  /** To the initiator. */
  readonly dataIn: DataFormat | string;
  /** From the initiator. */
  readonly dataOut: DataFormat | string;
}

const NONE = 'no data';

/** The data of a command that returns some. */
export function returns(cdb: AnyCdbDefinition, dataIn: DataFormat | string): CommandData {
  return { cdb, dataIn, dataOut: NONE };
}

/** The data of a command that takes some. */
export function takes(cdb: AnyCdbDefinition, dataOut: DataFormat | string): CommandData {
  return { cdb, dataIn: NONE, dataOut };
}

/** The data of commands that have none. */
export function withoutData(...cdbs: readonly AnyCdbDefinition[]): CommandData[] {
  return cdbs.map((cdb) => ({ cdb, dataIn: NONE, dataOut: NONE }));
}
