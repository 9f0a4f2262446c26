import { errnoName, yieldTurn, type Disk, type DiskFile } from '@lunbox/block';
import { blob, nu64be, struct, u32be, type Structure } from 'buffer-layout';
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { GrainMap, Slot } from './grain-map.ts';
import { blockCrc } from './log-layout.ts';

/** How far into a log a map goes. */
export interface IndexedEnd {
  /** Where the group after it begins. */
  readonly endOffset: number;
  /** Number of that group. */
  readonly nextSequence: number;
}

/** How the slots of a run go on from grain to grain. */
export type SlotStep = (slot: Slot) => number;

const MAGIC = 'LUNBOX-M';
const HEADER_BYTES = 64;
const RUN_BYTES = 16;
const RUNS_PER_CHUNK = 4096;
/** Grains of a run. */
const RUN_LIMIT = 2 ** 31;

/** The first bytes of an index, as they lie on disk. All numbers are big-endian. */
interface IndexFields {
  magic: Buffer;
  headerCrc: number;
  bodyCrc: number;
  runCount: number;
  endOffset: number;
  nextSequence: number;
  log: Buffer;
  reserved: Buffer;
}

const headerLayout: Structure<IndexFields> = struct<IndexFields>([
  blob(8, 'magic'),
  u32be('headerCrc'),
  u32be('bodyCrc'),
  nu64be('runCount'),
  nu64be('endOffset'),
  nu64be('nextSequence'),
  blob(16, 'log'),
  blob(8, 'reserved'),
]);
assert.equal(headerLayout.span, HEADER_BYTES);
const CRC_OFFSET = headerLayout.offsetOf('headerCrc') as number;

interface Run {
  grain: number;
  grainCount: number;
  slot: Slot;
}

const runLayout = struct<Run>([nu64be('grain'), u32be('grainCount'), u32be('slot')]);
assert.equal(runLayout.span, RUN_BYTES);

/**
 * Writes what a map has of a log, so that the log need not be gone through when it is opened. A file that is not whole
 * is passed over then: nothing depends on it.
 */
export async function writeIndex(
  disk: Disk,
  path: string,
  map: GrainMap,
  log: Uint8Array,
  end: IndexedEnd,
  stepOf: SlotStep,
): Promise<void> {
  await disk.unlink(path).catch((error: unknown) => {
    if (errnoName(error) !== 'ENOENT') throw error;
  });
  const file = await disk.open(path, 'create');
  try {
    let [runCount, bodyCrc] = [0, 0];
    for (const chunk of chunksOf(runsOf(map, stepOf))) {
      await file.write([chunk], HEADER_BYTES + runCount * RUN_BYTES);
      runCount += chunk.length / RUN_BYTES;
      bodyCrc = crc32(chunk, bodyCrc);
      await yieldTurn();
    }
    const header = Buffer.alloc(HEADER_BYTES);
    const magic = Buffer.from(MAGIC, 'latin1');
    const reserved = Buffer.alloc(8);
    headerLayout.encode(
      { magic, headerCrc: 0, bodyCrc, runCount, ...end, log: Buffer.from(log), reserved },
      header,
    );
    header.writeUInt32BE(blockCrc(header, CRC_OFFSET), CRC_OFFSET);
    await file.write([header], 0);
  } finally {
    await file.close();
  }
}

function* chunksOf(runs: Iterable<Run>): Generator<Buffer> {
  let chunk = Buffer.alloc(RUNS_PER_CHUNK * RUN_BYTES);
  let count = 0;
  for (const run of runs) {
    runLayout.encode(run, chunk, count++ * RUN_BYTES);
    if (count < RUNS_PER_CHUNK) continue;
    yield chunk;
    chunk = Buffer.alloc(RUNS_PER_CHUNK * RUN_BYTES);
    count = 0;
  }
  if (count > 0) yield chunk.subarray(0, count * RUN_BYTES);
}

function* runsOf(map: GrainMap, stepOf: SlotStep): Generator<Run> {
  const end = Number.MAX_SAFE_INTEGER;
  let run: Run | undefined;
  for (let grain = map.next(0, end); grain !== undefined; grain = map.next(grain + 1, end)) {
    const slot = map.get(grain) as Slot;
    const isNext =
      run !== undefined &&
      grain === run.grain + run.grainCount &&
      run.grainCount < RUN_LIMIT &&
      slot === run.slot + stepOf(run.slot) * run.grainCount;
    if (run !== undefined && isNext) run.grainCount++;
    else {
      if (run !== undefined) yield run;
      run = { grain, grainCount: 1, slot };
    }
  }
  if (run !== undefined) yield run;
}

/** Reads an index into an empty map. Answers how far it goes; undefined when there is no whole one. */
export async function readIndex(
  disk: Disk,
  path: string,
  map: GrainMap,
  log: Uint8Array,
  stepOf: SlotStep,
): Promise<IndexedEnd | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(path, 'read');
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    await file.read([header], 0);
    const fields = headerLayout.decode(header);
    const isOurs =
      fields.magic.toString('latin1') === MAGIC &&
      fields.headerCrc === blockCrc(header, CRC_OFFSET) &&
      Buffer.compare(fields.log, log) === 0;
    if (!isOurs || !(await readRuns(file, fields, map, stepOf))) return undefined;
    const { endOffset, nextSequence } = fields;
    return { endOffset, nextSequence };
  } finally {
    await file.close();
  }
}

/** Nothing of the body is believed before all of it has been checked: a damaged run could be endless. */
async function readRuns(
  file: DiskFile,
  fields: IndexFields,
  map: GrainMap,
  stepOf: SlotStep,
): Promise<boolean> {
  let crc = 0;
  const isWhole = await eachChunk(file, fields.runCount, (bytes) => (crc = crc32(bytes, crc)));
  if (!isWhole || crc !== fields.bodyCrc) return false;
  return await eachChunk(file, fields.runCount, (bytes) => {
    for (let offset = 0; offset < bytes.length; offset += RUN_BYTES)
      addRun(map, runLayout.decode(bytes, offset), stepOf);
  });
}

/** Answers false when the file ends before its runs do. */
async function eachChunk(
  file: DiskFile,
  runCount: number,
  onChunk: (bytes: Buffer) => unknown,
): Promise<boolean> {
  const chunk = Buffer.alloc(RUNS_PER_CHUNK * RUN_BYTES);
  for (let done = 0; done < runCount; done += RUNS_PER_CHUNK) {
    const bytes = chunk.subarray(0, Math.min(RUNS_PER_CHUNK, runCount - done) * RUN_BYTES);
    if ((await file.read([bytes], HEADER_BYTES + done * RUN_BYTES)) < bytes.length) return false;
    onChunk(bytes);
    await yieldTurn();
  }
  return true;
}

function addRun(map: GrainMap, { grain, grainCount, slot }: Run, stepOf: SlotStep): void {
  const step = stepOf(slot);
  for (let index = 0; index < grainCount; index++) map.add(grain + index, slot + step * index);
}
