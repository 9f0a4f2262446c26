import { u16be, u24be, u8 } from 'buffer-layout';
import { bytes, flags, structure, text, type Structure } from '../structure.ts';

/** MODE of READ BUFFER and WRITE BUFFER (SPC-4 tables 231 and 310), those that the device server has. */
export const BufferMode = {
  DATA: 0x02,
  DESCRIPTOR: 0x03,
  ECHO: 0x0a,
  ECHO_DESCRIPTOR: 0x0b,
  ERROR_HISTORY: 0x1c,
} as const;

/** What READ BUFFER tells of a buffer (SPC-4 table 234). */
export interface BufferDescriptor {
  /** Offsets are multiples of 2 to the power of this; FFh: only 0. */
  OFFSET_BOUNDARY: number;
  /** In bytes. */
  BUFFER_CAPACITY: number;
}

/** Layout of a buffer descriptor. */
export const bufferDescriptor: Structure<BufferDescriptor> = structure(4, [
  u8('OFFSET_BOUNDARY'),
  u24be('BUFFER_CAPACITY'),
]);

/** What READ BUFFER tells of the echo buffer (SPC-4 table 238). */
export interface EchoBufferDescriptor {
  /** 1: other nexuses overwrite what this one has written. */
  EBOS: number;
  /** In bytes. */
  BUFFER_CAPACITY: number;
}

/** Layout of the echo buffer descriptor. */
export const echoBufferDescriptor: Structure<EchoBufferDescriptor> = structure(4, [
  flags('RESERVED:7', 'EBOS'),
  bytes(1),
  u16be('BUFFER_CAPACITY'),
]);

/** The header of the error history directory (SPC-4 table 240). */
export interface ErrorHistoryDirectory {
  T10_VENDOR_IDENTIFICATION: string;
  VERSION: number;
  /** 1: the data was made when it was retrieved. */
  EHS_RETRIEVED: number;
  EHS_SOURCE: number;
  CLR_SUP: number;
  /** Bytes of the entries that follow. */
  DIRECTORY_LENGTH: number;
}

/** Layout of the header of the error history directory. */
export const errorHistoryDirectory: Structure<ErrorHistoryDirectory> = structure(32, [
  text(8, 'T10_VENDOR_IDENTIFICATION'),
  u8('VERSION'),
  flags('RESERVED:3', 'EHS_RETRIEVED:2', 'EHS_SOURCE:2', 'CLR_SUP'),
  bytes(20),
  u16be('DIRECTORY_LENGTH'),
]);
