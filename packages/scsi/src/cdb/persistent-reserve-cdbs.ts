import { u16be, u32be } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { action, control, opcode } from './common-fields.ts';

/** Fields of PERSISTENT RESERVE IN. */
export interface PersistentReserveInCdb {
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** Fields of PERSISTENT RESERVE OUT. */
export interface PersistentReserveOutCdb {
  /** 0: the logical unit; there is no other. */
  SCOPE: number;
  /** One of `ReservationType`. */
  TYPE: number;
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

function reserveIn(name: string, serviceAction: number): CdbDefinition<PersistentReserveInCdb> {
  const fields = [opcode, action, bytes(5), u16be('ALLOCATION_LENGTH'), control];
  return defineCdb(`PERSISTENT RESERVE IN, ${name}`, { operationCode: 0x5e, serviceAction }, 10, fields);
}

function reserveOut(name: string, serviceAction: number): CdbDefinition<PersistentReserveOutCdb> {
  const scopeAndType = flags('SCOPE:4', 'TYPE:4');
  const fields = [opcode, action, scopeAndType, bytes(2), u32be('PARAMETER_LIST_LENGTH'), control];
  return defineCdb(`PERSISTENT RESERVE OUT, ${name}`, { operationCode: 0x5f, serviceAction }, 10, fields);
}

/** PERSISTENT RESERVE IN, READ KEYS (SPC-4 6.15.2). */
export const PR_IN_READ_KEYS: CdbDefinition<PersistentReserveInCdb> = reserveIn('READ KEYS', 0x00);
/** PERSISTENT RESERVE IN, READ RESERVATION (SPC-4 6.15.3). */
export const PR_IN_READ_RESERVATION: CdbDefinition<PersistentReserveInCdb> = reserveIn(
  'READ RESERVATION',
  0x01,
);
/** PERSISTENT RESERVE IN, REPORT CAPABILITIES (SPC-4 6.15.4). */
export const PR_IN_REPORT_CAPABILITIES: CdbDefinition<PersistentReserveInCdb> = reserveIn(
  'REPORT CAPABILITIES',
  0x02,
);
/** PERSISTENT RESERVE IN, READ FULL STATUS (SPC-4 6.15.5). */
export const PR_IN_READ_FULL_STATUS: CdbDefinition<PersistentReserveInCdb> = reserveIn(
  'READ FULL STATUS',
  0x03,
);

/** PERSISTENT RESERVE OUT, REGISTER (SPC-4 5.13.7). */
export const PR_OUT_REGISTER: CdbDefinition<PersistentReserveOutCdb> = reserveOut('REGISTER', 0x00);
/** PERSISTENT RESERVE OUT, RESERVE (SPC-4 5.13.9). */
export const PR_OUT_RESERVE: CdbDefinition<PersistentReserveOutCdb> = reserveOut('RESERVE', 0x01);
/** PERSISTENT RESERVE OUT, RELEASE (SPC-4 5.13.11.2.2). */
export const PR_OUT_RELEASE: CdbDefinition<PersistentReserveOutCdb> = reserveOut('RELEASE', 0x02);
/** PERSISTENT RESERVE OUT, CLEAR (SPC-4 5.13.11.2.7). */
export const PR_OUT_CLEAR: CdbDefinition<PersistentReserveOutCdb> = reserveOut('CLEAR', 0x03);
/** PERSISTENT RESERVE OUT, PREEMPT (SPC-4 5.13.11.2.4). */
export const PR_OUT_PREEMPT: CdbDefinition<PersistentReserveOutCdb> = reserveOut('PREEMPT', 0x04);
/** PERSISTENT RESERVE OUT, PREEMPT AND ABORT (SPC-4 5.13.11.2.6). */
export const PR_OUT_PREEMPT_AND_ABORT: CdbDefinition<PersistentReserveOutCdb> = reserveOut(
  'PREEMPT AND ABORT',
  0x05,
);
/** PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY (SPC-4 5.13.7). */
export const PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY: CdbDefinition<PersistentReserveOutCdb> = reserveOut(
  'REGISTER AND IGNORE EXISTING KEY',
  0x06,
);
/** PERSISTENT RESERVE OUT, REGISTER AND MOVE (SPC-4 5.13.8). */
export const PR_OUT_REGISTER_AND_MOVE: CdbDefinition<PersistentReserveOutCdb> = reserveOut(
  'REGISTER AND MOVE',
  0x07,
);
