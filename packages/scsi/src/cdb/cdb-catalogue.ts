import * as block from './block-cdbs.ts';
import { compareCdbs, type AnyCdbDefinition } from './cdb-definition.ts';
import * as copy from './copy-cdbs.ts';
import * as diagnostic from './diagnostic-cdbs.ts';
import * as identifyingInformation from './identifying-information-cdbs.ts';
import * as maintenance from './maintenance-cdbs.ts';
import * as medium from './medium-cdbs.ts';
import * as mmc from './mmc-cdbs.ts';
import * as path from './path-cdbs.ts';
import * as persistentReserve from './persistent-reserve-cdbs.ts';
import * as primary from './primary-cdbs.ts';
import * as variableLength from './variable-length-cdbs.ts';

/** Every CDB that this package can build and read, by operation code and service action. */
export const CDB_DEFINITIONS: readonly AnyCdbDefinition[] = [
  ...Object.values<AnyCdbDefinition>(primary),
  ...Object.values<AnyCdbDefinition>(block),
  ...Object.values<AnyCdbDefinition>(persistentReserve),
  ...Object.values<AnyCdbDefinition>(diagnostic),
  ...Object.values<AnyCdbDefinition>(medium),
  ...Object.values<AnyCdbDefinition>(mmc),
  ...Object.values<AnyCdbDefinition>(maintenance),
  ...Object.values<AnyCdbDefinition>(identifyingInformation),
  ...Object.values<AnyCdbDefinition>(variableLength),
  ...Object.values<AnyCdbDefinition>(path),
  ...Object.values<AnyCdbDefinition>(copy),
].sort(compareCdbs);
