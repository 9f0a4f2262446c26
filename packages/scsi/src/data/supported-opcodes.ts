import { u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes, readU32 } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** One supported command, as REPORT SUPPORTED OPERATION CODES tells it. */
export interface SupportedOpcode {
  readonly operationCode: number;
  /** Present for an operation code with service actions. */
  readonly serviceAction?: number;
  readonly cdbLengthBytes: number;
  /** Command timeouts descriptor, when it was asked for; seconds, 0 means "not said". */
  readonly timeouts?: CommandTimeouts;
}

/** Seconds that a command usually takes, and that an initiator should wait at least. */
export interface CommandTimeouts {
  readonly nominalSeconds: number;
  readonly recommendedSeconds: number;
}

/** The answer about one command. */
export interface OneOpcode {
  /** True when the command is supported as the standard says. */
  readonly supported: boolean;
  /** One bits where a field of the CDB is looked at; byte 0 is the operation code itself. */
  readonly usageMask: Uint8Array;
  readonly timeouts?: CommandTimeouts;
}

interface CommandDescriptor {
  OPERATION_CODE: number;
  SERVICE_ACTION: number;
  CTDP: number;
  SERVACTV: number;
  CDB_LENGTH: number;
}

/** Command descriptor of the all_commands format (SPC-4 table 280). */
const commandDescriptor: Structure<CommandDescriptor> = structure(8, [
  u8('OPERATION_CODE'),
  bytes(1),
  u16be('SERVICE_ACTION'),
  bytes(1),
  flags('RESERVED:6', 'CTDP', 'SERVACTV'),
  u16be('CDB_LENGTH'),
]);

interface OneCommandHeader {
  CTDP: number;
  SUPPORT: number;
  CDB_SIZE: number;
}

/** Start of the one_command format (SPC-4 table 281). */
const oneCommandHeader: Structure<OneCommandHeader> = structure(4, [
  bytes(1),
  flags('CTDP', 'RESERVED:4', 'SUPPORT:3'),
  u16be('CDB_SIZE'),
]);

interface TimeoutsDescriptor {
  DESCRIPTOR_LENGTH: number;
  NOMINAL_COMMAND_PROCESSING_TIMEOUT: number;
  RECOMMENDED_COMMAND_TIMEOUT: number;
}

/** Command timeouts descriptor (SPC-4 table 283). */
const timeoutsDescriptor: Structure<TimeoutsDescriptor> = structure(12, [
  u16be('DESCRIPTOR_LENGTH'),
  bytes(2),
  u32be('NOMINAL_COMMAND_PROCESSING_TIMEOUT'),
  u32be('RECOMMENDED_COMMAND_TIMEOUT'),
]);

/** SUPPORT values (SPC-4 table 282). */
const Support = { NOT_SUPPORTED: 0b001, AS_STANDARD: 0b011 } as const;

/** The answer to reporting option 000b. */
export function buildAllOpcodes(opcodes: readonly SupportedOpcode[]): Uint8Array<ArrayBuffer> {
  const descriptors = opcodes.map((opcode) => {
    const descriptor = commandDescriptor.encode({
      OPERATION_CODE: opcode.operationCode,
      SERVICE_ACTION: opcode.serviceAction ?? 0,
      CTDP: opcode.timeouts === undefined ? 0 : 1,
      SERVACTV: opcode.serviceAction === undefined ? 0 : 1,
      CDB_LENGTH: opcode.cdbLengthBytes,
    });
    return concatBytes([descriptor, ...encodeTimeouts(opcode.timeouts)]);
  });
  const body = concatBytes(descriptors);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, body.length);
  return concatBytes([length, body]);
}

/** Reads the answer to reporting option 000b; a descriptor that was cut off is left out. */
export function parseAllOpcodes(data: Uint8Array): SupportedOpcode[] {
  if (data.length < 4) return [];
  const end = Math.min(data.length, 4 + readU32(data, 0));
  const opcodes: SupportedOpcode[] = [];
  for (let at = 4; at + commandDescriptor.spanBytes <= end;) {
    const fields = commandDescriptor.decode(data, at);
    at += commandDescriptor.spanBytes;
    const timeouts = fields.CTDP === 1 ? decodeTimeouts(data, at) : undefined;
    if (timeouts !== undefined) at += timeoutsDescriptor.spanBytes;
    opcodes.push({
      operationCode: fields.OPERATION_CODE,
      ...(fields.SERVACTV === 1 ? { serviceAction: fields.SERVICE_ACTION } : {}),
      cdbLengthBytes: fields.CDB_LENGTH,
      ...(timeouts === undefined ? {} : { timeouts }),
    });
  }
  return opcodes;
}

/** The answer to reporting options 001b and 010b. */
export function buildOneOpcode(opcode: OneOpcode): Uint8Array<ArrayBuffer> {
  const header = oneCommandHeader.encode({
    CTDP: opcode.timeouts === undefined ? 0 : 1,
    SUPPORT: opcode.supported ? Support.AS_STANDARD : Support.NOT_SUPPORTED,
    CDB_SIZE: opcode.usageMask.length,
  });
  return concatBytes([header, opcode.usageMask, ...encodeTimeouts(opcode.timeouts)]);
}

/** Reads the answer to reporting options 001b and 010b. */
export function parseOneOpcode(data: Uint8Array): OneOpcode {
  const header = oneCommandHeader.decode(data);
  const maskEnd = oneCommandHeader.spanBytes + header.CDB_SIZE;
  return {
    supported: header.SUPPORT === Support.AS_STANDARD,
    usageMask: data.slice(oneCommandHeader.spanBytes, maskEnd),
    ...(header.CTDP === 1 ? { timeouts: decodeTimeouts(data, maskEnd) } : {}),
  };
}

function encodeTimeouts(timeouts: CommandTimeouts | undefined): Uint8Array[] {
  if (timeouts === undefined) return [];
  const descriptor = timeoutsDescriptor.encode({
    DESCRIPTOR_LENGTH: timeoutsDescriptor.spanBytes - 2,
    NOMINAL_COMMAND_PROCESSING_TIMEOUT: timeouts.nominalSeconds,
    RECOMMENDED_COMMAND_TIMEOUT: timeouts.recommendedSeconds,
  });
  return [descriptor];
}

function decodeTimeouts(data: Uint8Array, at: number): CommandTimeouts {
  const fields = timeoutsDescriptor.decode(data, at);
  return {
    nominalSeconds: fields.NOMINAL_COMMAND_PROCESSING_TIMEOUT,
    recommendedSeconds: fields.RECOMMENDED_COMMAND_TIMEOUT,
  };
}
