import { CheckConditionError } from '../sense/check-condition-error.ts';
import { describeObject, type Description, type Meanings } from './description.ts';

/** A data format of the standards: how it is built, read and put into words. */
export interface DataFormat {
  readonly name: string;
  /** Makes the bytes; what it takes depends on the format. */
  readonly build: (...values: never[]) => Uint8Array;
  /** Reads the bytes. `cdb` is the command that they belong to, all zeroes where they belong to none. */
  readonly parse: (data: Uint8Array, cdb: Uint8Array) => unknown;
  /** Words for the values of fields. */
  readonly meanings?: Meanings;
  /** Puts the bytes into words where fields and their values do not tell enough. */
  readonly explain?: (data: Uint8Array, cdb: Uint8Array) => Description;
}

const NO_CDB = new Uint8Array(16);

/** What bytes of a format say; bytes that are none of it are described as far as they can be read. */
export function explainData(format: DataFormat, data: Uint8Array, cdb: Uint8Array = NO_CDB): Description {
  try {
    const { name, explain, meanings } = format;
    return explain === undefined
      ? describeObject(name, format.parse(data, cdb), meanings)
      : explain(data, cdb);
  } catch (error) {
    // Parsers of parameter lists refuse them as a device server does.
    if (!(error instanceof CheckConditionError)) throw error;
    return {
      title: format.name,
      fields: [{ name: 'refused', value: error.message }],
      parts: [],
      truncated: true,
    };
  }
}
