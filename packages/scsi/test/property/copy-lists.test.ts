import { fc, test } from '@fast-check/vitest';
import { MemoryDevice, totalLength } from '@lunbox/block';
import { expect } from 'vitest';
import {
  buildExtendedCopyList,
  buildPopulateTokenList,
  buildSegment,
  buildWriteUsingTokenList,
  encodeLun,
  EXTENDED_COPY,
  EXTENDED_COPY_LID1,
  LogicalUnit,
  POPULATE_TOKEN,
  Status,
  WRITE_USING_TOKEN,
} from '../../src/index.ts';
import { blocks, bytesSegment, Copier, OWN } from '../support/copier.ts';
import { Harness, pattern } from '../support/harness.ts';

const BLOCK = 512;
const BLOCKS = 6000;
const STEP_BYTES = 1024 * 1024;
/** Longer parameter lists than these are none that could be right. */
const LONGEST_LIST_BYTES = 48 + 64 * 32 + 64 * 28;

const COMMANDS = {
  lid1: EXTENDED_COPY_LID1,
  lid4: EXTENDED_COPY,
  populate: POPULATE_TOKEN,
  write: WRITE_USING_TOKEN,
} as const;
type Kind = keyof typeof COMMANDS;

/** Bytes of a unit, `end` excluded. */
interface ByteRange {
  readonly unit: number;
  readonly start: number;
  readonly end: number;
}

/** Memory that writes down what is changed, and never sees more than a step at once. */
class WatchedDevice extends MemoryDevice {
  readonly changes: ByteRange[] = [];
  readonly unit: number;

  constructor(unit: number) {
    super({ size: BLOCKS * BLOCK });
    this.unit = unit;
  }

  override read(into: readonly Uint8Array[], offset: number): ReturnType<MemoryDevice['read']> {
    expect(totalLength(into)).toBeLessThanOrEqual(STEP_BYTES);
    return super.read(into, offset);
  }

  protected override writeRange(from: readonly Uint8Array[], offset: number): void {
    expect(totalLength(from)).toBeLessThanOrEqual(STEP_BYTES);
    this.changed(offset, totalLength(from));
    super.writeRange(from, offset);
  }

  protected override zeroRange(offset: number, length: number, mayUnmap: boolean): void {
    this.changed(offset, length);
    super.zeroRange(offset, length, mayUnmap);
  }

  protected override unmapRange(offset: number, length: number): void {
    this.changed(offset, length);
    super.unmapRange(offset, length);
  }

  private changed(start: number, length: number): void {
    this.changes.push({ unit: this.unit, start, end: start + length });
  }
}

/** Two units with data, an initiator, and what it needs for lists that are right. */
async function scene() {
  const devices = [new WatchedDevice(0), new WatchedDevice(1)] as const;
  for (const device of devices) {
    await device.write([pattern(300 * BLOCK)], 100 * BLOCK);
    device.changes.length = 0;
  }
  const harness = new Harness(devices[0]);
  const second = new LogicalUnit({ device: devices[1], identity: new Uint8Array(16).fill(9) });
  harness.target.addUnit(1, second);
  const { initiator } = harness;
  await initiator.settle(0);
  await initiator.settle(1);
  const copier = new Copier(initiator);
  const cscds = [await copier.cscd(0), await copier.cscd(1)];
  const token = await copier.token({ lba: 100, blockCount: 40 }, { lba: 5000, blockCount: 10 });
  return { harness, initiator, units: [harness.unit, second], devices, cscds, token };
}

const lba = fc.oneof({ weight: 5, arbitrary: fc.nat(600) }, fc.nat(BLOCKS + 10));
const cscdId = fc.constantFrom(0, 0, 1, 1, 2, OWN);
const count = fc.oneof({ weight: 5, arbitrary: fc.nat(60) }, fc.nat(0xffff));
const segment = fc.oneof(
  fc
    .record({
      source: cscdId,
      destination: cscdId,
      blockCount: count,
      destinationCount: fc.boolean(),
      sourceLba: lba,
      destinationLba: lba,
    })
    .map((fields) => buildSegment(blocks(fields))),
  fc
    .record({
      source: cscdId,
      destination: cscdId,
      lengthBytes: fc.oneof(fc.nat(4000), fc.nat(0xffff_ffff)),
      sourceLba: lba,
      destinationLba: lba,
      sourceByteOffset: fc.nat(600),
      destinationByteOffset: fc.nat(600),
    })
    .map((fields) => buildSegment(bytesSegment(fields))),
);

const range = fc.record({ lba, blockCount: fc.oneof(fc.nat(60), fc.nat(3000)) });
const list = fc.record({
  kind: fc.constantFrom<Kind>('lid1', 'lid4', 'populate', 'write'),
  listId: fc.nat(255),
  segments: fc.array(segment, { maxLength: 5 }),
  ranges: fc.array(range, { maxLength: 5 }),
  offsetIntoRodBlocks: fc.oneof(fc.constant(0), fc.nat(60)),
  deleteToken: fc.boolean(),
  immediate: fc.boolean(),
  /** Bytes that are changed, by parts of the length. */
  changes: fc.array(fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), value: fc.nat(255) }), {
    maxLength: 4,
  }),
  /** Another list altogether. */
  anything: fc.option(fc.uint8Array({ maxLength: 700 }), { freq: 8 }),
  cutBytes: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat(60)),
  /** PARAMETER LIST LENGTH where it is not that of the list. */
  announced: fc.option(fc.oneof(fc.nat(0x4000), fc.nat(0xffff_ffff)), { freq: 8 }),
  pieceBytes: fc.integer({ min: 1, max: 700 }),
});
type HostileList = typeof list extends fc.Arbitrary<infer T> ? T : never;

function bytesOf(
  hostile: HostileList,
  { cscds, token }: Pick<Awaited<ReturnType<typeof scene>>, 'cscds' | 'token'>,
): Uint8Array {
  const { kind, listId, segments, ranges, immediate, offsetIntoRodBlocks, deleteToken } = hostile;
  if (hostile.anything !== null) return hostile.anything;
  const built =
    kind === 'populate'
      ? buildPopulateTokenList({ ranges, immediate })
      : kind === 'write'
        ? buildWriteUsingTokenList({ token, ranges, immediate, offsetIntoRodBlocks, deleteToken })
        : buildExtendedCopyList(kind, { listId, immediate }, cscds, segments);
  for (const { at, value } of hostile.changes) built[Math.floor(at * built.length)] = value;
  return built.subarray(0, Math.max(0, built.length - hostile.cutBytes));
}

/** Where a list says that may be written, read from its bytes by offsets and without the codec. */
function destinations(kind: Kind, bytes: Uint8Array, cscds: readonly Uint8Array[]): ByteRange[] {
  if (kind === 'populate') return [];
  // A list that is cut reads as zeroes: it ends in an error anyway.
  const padded = Buffer.alloc(bytes.length + 1024);
  padded.set(bytes);
  if (kind === 'write') {
    const count = Math.floor(padded.readUInt16BE(534) / 16);
    return Array.from({ length: Math.min(count, Math.ceil(bytes.length / 16)) }, (_, index) => {
      const at = 536 + index * 16;
      const start = Number(padded.readBigUInt64BE(at)) * BLOCK;
      return { unit: 0, start, end: start + padded.readUInt32BE(at + 8) * BLOCK };
    });
  }
  const header = kind === 'lid1' ? 16 : 48;
  const cscdBytes = padded.readUInt16BE(kind === 'lid1' ? 2 : 42);
  const found: ByteRange[] = [];
  for (let at = header + cscdBytes; at < bytes.length; at += 4 + padded.readUInt16BE(at + 2)) {
    const unit = unitOf(padded.readUInt16BE(at + 6), padded.subarray(header, header + cscdBytes), cscds);
    if (unit === undefined) continue;
    const isBlocks = padded[at] === 0x02;
    if (!isBlocks && padded[at] !== 0x0a) continue;
    const base = Number(padded.readBigUInt64BE(at + 20)) * BLOCK;
    const start = base + (isBlocks ? 0 : padded.readUInt16BE(at + 30));
    const length = isBlocks ? padded.readUInt16BE(at + 10) * BLOCK : padded.readUInt32BE(at + 8);
    // A block that is changed in part is written whole.
    const whole = { start: start - (start % BLOCK), end: Math.ceil((start + length) / BLOCK) * BLOCK };
    if (length > 0) found.push({ unit, ...whole });
  }
  return found;
}

function unitOf(id: number, list: Uint8Array, cscds: readonly Uint8Array[]): number | undefined {
  if (id === OWN) return 0;
  const designator = list.subarray(id * 32 + 8, id * 32 + 24);
  const unit = cscds.findIndex((cscd) => Buffer.compare(cscd.subarray(8, 24), designator) === 0);
  return unit === -1 ? undefined : unit;
}

/** True when every changed block is in a range; ranges may follow each other. */
function isWithin({ unit, start, end }: ByteRange, allowed: readonly ByteRange[]): boolean {
  let at = start;
  while (at < end) {
    const covering = allowed.filter((each) => each.unit === unit && each.start <= at && at < each.end);
    if (covering.length === 0) return false;
    at = Math.max(...covering.map((each) => each.end));
  }
  return true;
}

const legalStatus: readonly number[] = Object.values(Status);

test.prop([fc.array(list, { minLength: 1, maxLength: 4 })], { numRuns: 80 })(
  'a copy list of any bytes ends with a legal status, takes bounded memory and writes where it says only',
  async (lists) => {
    const world = await scene();
    const { harness, initiator, units, devices, cscds } = world;
    const allowed: ByteRange[] = [];
    for (const [index, hostile] of lists.entries()) {
      const bytes = bytesOf(hostile, world);
      const { kind, announced, pieceBytes } = hostile;
      allowed.push(...destinations(kind, bytes, cscds));
      const PARAMETER_LIST_LENGTH = announced ?? bytes.length;
      const named = kind === 'populate' || kind === 'write' ? { LIST_IDENTIFIER: index } : {};
      const cdb = COMMANDS[kind].encode({ PARAMETER_LIST_LENGTH, ...named });
      const execution = await initiator.nexus.execute(encodeLun(0), initiator.command(cdb));
      if (execution.kind === 'data-out') {
        expect(execution.lengthBytes).toBeLessThanOrEqual(LONGEST_LIST_BYTES);
      }
      const answer = await initiator.carry(execution, { dataOut: bytes, pieceBytes });
      expect(legalStatus).toContain(answer.status);
      expect(answer.sense !== undefined).toBe(answer.status === Status.CHECK_CONDITION);
    }
    for (const unit of units) await unit.copies.abort();
    expect(harness.internalErrors).toEqual([]);
    const astray = devices.flatMap(({ changes }) => changes).filter((change) => !isWithin(change, allowed));
    expect(astray).toEqual([]);
  },
  60_000,
);
