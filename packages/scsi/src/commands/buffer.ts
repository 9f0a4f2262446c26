import { answer, GOOD } from '../answers.ts';
import { READ_BUFFER, WRITE_BUFFER, type ReadBufferCdb } from '../cdb/diagnostic-cdbs.ts';
import {
  bufferDescriptor,
  BufferMode,
  echoBufferDescriptor,
  errorHistoryDirectory,
} from '../data/buffer-data.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { refuseFields } from './validate.ts';

/** The data buffer of a unit, and the echo buffer of each nexus: so much is held at most. */
const DATA_BUFFER_BYTES = 4096;
const ECHO_BUFFER_BYTES = 4096;

/** Offsets in the data buffer may be any. */
const ANY_OFFSET = 0;

function startWriteBuffer(itl: ItlNexus, command: ScsiCommand): Execution {
  const fields = WRITE_BUFFER.decode(command.cdb);
  const { MODE, BUFFER_OFFSET: offset, PARAMETER_LIST_LENGTH: lengthBytes } = fields;
  if (MODE !== BufferMode.DATA && MODE !== BufferMode.ECHO) throw invalidCdbField(WRITE_BUFFER, 'MODE');
  refuseFields(WRITE_BUFFER, fields, 'BUFFER_ID');
  if (MODE === BufferMode.ECHO) {
    refuseFields(WRITE_BUFFER, fields, 'BUFFER_OFFSET');
    if (lengthBytes > ECHO_BUFFER_BYTES) throw invalidCdbField(WRITE_BUFFER, 'PARAMETER_LIST_LENGTH');
  } else {
    if (offset > DATA_BUFFER_BYTES) throw invalidCdbField(WRITE_BUFFER, 'BUFFER_OFFSET');
    if (offset + lengthBytes > DATA_BUFFER_BYTES) {
      throw invalidCdbField(WRITE_BUFFER, 'PARAMETER_LIST_LENGTH');
    }
  }
  if (lengthBytes === 0) return GOOD;
  return new ParameterList(itl, 0, lengthBytes, (data) => {
    if (MODE === BufferMode.ECHO) itl.echoBuffer = data;
    else dataBuffer(itl).set(data, offset);
    return GOOD;
  });
}

/** The buffer exists from its first use on. */
function dataBuffer({ unit }: ItlNexus): Uint8Array {
  unit.dataBuffer ??= new Uint8Array(DATA_BUFFER_BYTES);
  return unit.dataBuffer;
}

type BufferReader = (itl: ItlNexus, fields: ReadBufferCdb) => Uint8Array;

const READERS: ReadonlyMap<number, BufferReader> = new Map<number, BufferReader>([
  [BufferMode.DATA, readData],
  [BufferMode.DESCRIPTOR, describeBuffer],
  [BufferMode.ECHO, readEcho],
  [
    BufferMode.ECHO_DESCRIPTOR,
    (): Uint8Array => echoBufferDescriptor.encode({ BUFFER_CAPACITY: ECHO_BUFFER_BYTES }),
  ],
  [BufferMode.ERROR_HISTORY, readErrorHistory],
]);

function readBuffer(itl: ItlNexus, command: ScsiCommand): Finished {
  const fields = READ_BUFFER.decode(command.cdb);
  const read = READERS.get(fields.MODE);
  if (read === undefined) throw invalidCdbField(READ_BUFFER, 'MODE');
  return answer(read(itl, fields), fields.ALLOCATION_LENGTH);
}

function readData(itl: ItlNexus, fields: ReadBufferCdb): Uint8Array {
  refuseFields(READ_BUFFER, fields, 'BUFFER_ID');
  const offset = fields.BUFFER_OFFSET;
  if (offset > DATA_BUFFER_BYTES) throw invalidCdbField(READ_BUFFER, 'BUFFER_OFFSET');
  // A copy, as the answer is still on its way when somebody else writes.
  return dataBuffer(itl).slice(offset);
}

/** SPC-4 6.18.5: a buffer that is not there is described by zeroes. */
function describeBuffer(_itl: ItlNexus, { BUFFER_ID }: ReadBufferCdb): Uint8Array {
  if (BUFFER_ID !== 0) return bufferDescriptor.encode({});
  return bufferDescriptor.encode({ OFFSET_BOUNDARY: ANY_OFFSET, BUFFER_CAPACITY: DATA_BUFFER_BYTES });
}

/** SPC-4 6.18.7: what this nexus wrote last; without that it is a sequence error. */
function readEcho({ echoBuffer }: ItlNexus): Uint8Array {
  if (echoBuffer === undefined) throw illegalRequest(AdditionalSenseCode.COMMAND_SEQUENCE_ERROR);
  return echoBuffer;
}

/** The directory of the error history (buffer ids 00h to 03h); it has no entries, as no history is kept. */
function readErrorHistory({ unit }: ItlNexus, fields: ReadBufferCdb): Uint8Array {
  if (fields.BUFFER_ID > 0x03) throw invalidCdbField(READ_BUFFER, 'BUFFER_ID');
  refuseFields(READ_BUFFER, fields, 'BUFFER_OFFSET');
  return errorHistoryDirectory.encode({ T10_VENDOR_IDENTIFICATION: unit.vendor });
}

/** WRITE BUFFER and READ BUFFER. */
export const BUFFER_COMMANDS: readonly CommandEntry[] = [
  defineCommand(WRITE_BUFFER, startWriteBuffer, {
    governs: true,
    path: 'unavailable',
    unsupportedFields: ['MODE_SPECIFIC'],
  }),
  defineCommand(READ_BUFFER, readBuffer, {
    access: 'reads',
    path: 'unavailable',
    unsupportedFields: ['MODE_SPECIFIC'],
  }),
];
