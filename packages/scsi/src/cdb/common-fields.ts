import { u8, type Layout } from 'buffer-layout';
import { flags } from '../structure.ts';

/** The first byte of every CDB. */
export const opcode: Layout = u8('OPERATION_CODE');

/** The second byte of CDBs whose operation code several commands share, where nothing else is in it. */
export const action: Layout = flags('RESERVED:3', 'SERVICE_ACTION:5');

/** CONTROL (SAM-5 5.2), the last byte of all but CDBs of variable length. */
export const control: Layout = u8('CONTROL');
