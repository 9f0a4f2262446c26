import { u32be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { encodeLun } from '../lun.ts';
import { bytes, structure, type Structure } from '../structure.ts';

interface LunListHeader {
  LUN_LIST_LENGTH: number;
}

/** REPORT LUNS parameter data header (SPC-4 table 275). */
const lunListHeader: Structure<LunListHeader> = structure(8, [u32be('LUN_LIST_LENGTH'), bytes(4)]);

const LUN_BYTES = 8;

/** REPORT LUNS parameter data. LUN LIST LENGTH is in bytes and does not count the header (T-V6). */
export function buildLunList(luns: readonly number[]): Uint8Array<ArrayBuffer> {
  const header = lunListHeader.encode({ LUN_LIST_LENGTH: luns.length * LUN_BYTES });
  return concatBytes([header, ...luns.map(encodeLun)]);
}

/** The 8-byte LUNs of REPORT LUNS parameter data, as far as they were not cut off. */
export function parseLunList(data: Uint8Array): Uint8Array[] {
  const declared = lunListHeader.decode(data).LUN_LIST_LENGTH;
  const count = Math.floor(Math.min(declared, Math.max(0, data.length - LUN_BYTES)) / LUN_BYTES);
  return Array.from({ length: count }, (_, index) =>
    data.slice(LUN_BYTES * (index + 1), LUN_BYTES * (index + 2)),
  );
}
