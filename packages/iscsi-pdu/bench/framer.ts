// Nanoseconds per PDU of the hot path, framer and hot header together.
import { performance } from 'node:perf_hooks';
import { Framer, readDataOut, readScsiCommand, serializePdu, writeDataIn } from '../src/index.ts';
import type { DataOutHeader, FrameHeader, FrameReceiver, Pdu, ScsiCommandHeader } from '../src/index.ts';

const ROUNDS = 7;
const PDUS_PER_CHUNK = 64;
const CHUNKS = 4000;

const numbers = { cmdSn: 1, expStatSn: 2 };
const tags = { lun: new Uint8Array(8), initiatorTaskTag: 3, targetTransferTag: 4 };
const read: Pdu = {
  type: 'scsi-command',
  immediate: false,
  final: true,
  read: true,
  write: false,
  attribute: 1,
  priority: 0,
  lun: tags.lun,
  initiatorTaskTag: 3,
  expectedDataTransferLength: 4096,
  ...numbers,
  cdb: new Uint8Array(16),
  data: new Uint8Array(0),
};
const dataOut: Pdu = {
  type: 'data-out',
  final: true,
  ...tags,
  expStatSn: 2,
  dataSn: 0,
  bufferOffset: 0,
  data: new Uint8Array(4096),
};

class Reader implements FrameReceiver {
  readonly command = {} as ScsiCommandHeader;
  readonly dataOut = {} as DataOutHeader;
  readonly destination: Uint8Array | undefined;
  sum = 0;

  constructor(destination?: Uint8Array) {
    this.destination = destination;
  }

  onHeader(header: FrameHeader): Uint8Array | undefined {
    return header.dataLength === 0 ? undefined : this.destination;
  }

  onPdu(header: FrameHeader): void {
    if (header.opcode === 1) readScsiCommand(header.bytes, header.offset, this.command);
    else readDataOut(header.bytes, header.offset, this.dataOut);
    this.sum += header.headerLength;
  }
}

/** Median nanoseconds of one of `count` equal steps. */
function measure(name: string, count: number, run: () => void): void {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    times.push(((performance.now() - start) * 1e6) / count);
  }
  times.sort((a, b) => a - b);
  console.log(`${name.padEnd(58)} ${times[ROUNDS >> 1]!.toFixed(0).padStart(6)} ns/PDU`);
}

function measureFramer(name: string, pdu: Pdu, digests: boolean, destination?: Uint8Array): void {
  const wire = serializePdu(pdu, { header: digests, data: digests });
  const chunk = new Uint8Array(wire.length * PDUS_PER_CHUNK);
  for (let i = 0; i < PDUS_PER_CHUNK; i++) chunk.set(wire, i * wire.length);
  const framer = new Framer(new Reader(destination), { maxDataSegmentLength: 262144 });
  framer.headerDigest = digests;
  framer.dataDigest = digests;
  measure(name, CHUNKS * PDUS_PER_CHUNK, () => {
    for (let i = 0; i < CHUNKS; i++) framer.push(chunk);
  });
}

measureFramer('SCSI Command, read', read, false);
measureFramer('SCSI Command, read, header digest', read, true);
measureFramer('Data-Out 4 KiB, view', dataOut, false);
measureFramer('Data-Out 4 KiB, into a destination', dataOut, false, new Uint8Array(4096));
measureFramer('Data-Out 4 KiB, view, both digests', dataOut, true);

const out = new Uint8Array(48);
const flags = {
  final: true,
  acknowledge: false,
  overflow: false,
  underflow: false,
  hasStatus: true,
  status: 0,
};
const sn = { statSn: 1, expCmdSn: 2, maxCmdSn: 3, dataSn: 0, bufferOffset: 0, residualCount: 0 };
const header = {
  ...flags,
  ...sn,
  dataLength: 4096,
  lunHigh: 0,
  lunLow: 0,
  initiatorTaskTag: 3,
  targetTransferTag: 4,
};
measure('write a Data-In header', CHUNKS * PDUS_PER_CHUNK, () => {
  for (let i = 0; i < CHUNKS * PDUS_PER_CHUNK; i++) {
    header.dataSn = i;
    writeDataIn(out, 0, header);
  }
});
