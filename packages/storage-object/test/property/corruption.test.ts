import fc from 'fast-check';
import { test } from '@fast-check/vitest';
import { SimulatedDisk, type DiskFile } from '@lunbox/block';
import { basename } from 'node:path';
import { beforeAll, expect } from 'vitest';
import {
  checkContainer,
  ContainerError,
  repairContainer,
  repairDrafts,
  scanCatalog,
  StorageObject,
} from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';

const PATH = '/disk.lun';
const DRAFT = '/other.lun.0123456789ab.new';
const SIZE = 2 ** 20;
const FIXED_PART_BYTES = 320 * 1024;
const RUNS = Number(process.env['LUNBOX_FUZZ_CONTAINERS'] ?? 400);

/** The fixed part of a sound container, and the whole length of its file. */
let sound: Buffer;
let fileBytes: number;
let dataOffset: number;

async function newContainer(disk: SimulatedDisk, names: readonly string[]): Promise<StorageObject> {
  const object = await StorageObject.create(PATH, { disk, processes: new FakeProcesses(), sizeBytes: SIZE });
  for (const name of names) await object.updateAttributes({ name });
  return object;
}

beforeAll(async () => {
  const disk = new SimulatedDisk();
  const object = await newContainer(disk, ['before', 'last']);
  ({ dataOffset } = await object.info());
  await object.close();
  const file = await disk.open(PATH, 'read');
  sound = Buffer.alloc(FIXED_PART_BYTES);
  await file.read([sound], 0);
  fileBytes = (await file.status()).sizeBytes;
  await file.close();
});

/** Places where something stands are hit more often than the rest. */
const anOffset = fc.oneof(
  fc.nat(FIXED_PART_BYTES - 1),
  ...[0, 65_536, 196_608].flatMap((start) => [
    fc.nat(4096).map((at) => start + at),
    fc.nat(8192).map((at) => start + at),
  ]),
);

interface Damage {
  readonly kind: 'flipped' | 'zeroed' | 'noise' | 'duplicated' | 'cut off';
  readonly offset: number;
  readonly lengthBytes: number;
  readonly from: number;
}

const aDamage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('flipped', 'zeroed', 'noise', 'duplicated', 'cut off'),
  offset: anOffset,
  lengthBytes: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 600 }), fc.constant(131_072)),
  from: anOffset,
});

function spoil(bytes: Buffer, { kind, offset, lengthBytes, from }: Damage): number {
  const end = Math.min(bytes.length, offset + lengthBytes);
  if (kind === 'zeroed') bytes.fill(0, offset, end);
  if (kind === 'flipped') bytes[offset]! ^= 1 << (from % 8);
  if (kind === 'noise') for (let at = offset; at < end; at++) bytes[at] = (at * 2_654_435_761 + from) & 0xff;
  if (kind === 'duplicated') sound.copy(bytes, offset, from, Math.min(sound.length, from + end - offset));
  return kind === 'cut off' ? offset : Infinity;
}

async function damagedDisk(damages: readonly Damage[]): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ immediate: true });
  await writeDamaged(disk, PATH, damages);
  return disk;
}

async function writeDamaged(disk: SimulatedDisk, path: string, damages: readonly Damage[]): Promise<void> {
  const bytes = Buffer.from(sound);
  const endBytes = Math.min(fileBytes, ...damages.map((damage) => spoil(bytes, damage)));
  const file = await disk.open(path, 'create');
  await file.truncate(fileBytes);
  await file.write([bytes], 0);
  await file.write([Buffer.alloc(512, 0xda)], dataOffset);
  await file.truncate(endBytes);
  await file.close();
}

test.prop([fc.array(aDamage, { minLength: 1, maxLength: 3 })], { numRuns: RUNS })(
  'a damaged container opens with what it held, or not at all; check says so, and repair mends it from the twin',
  async (damages) => {
    const disk = await damagedDisk(damages);
    const seams = { disk, processes: new FakeProcesses() };
    const checked = await checkContainer(PATH, seams).catch((error: unknown) => error);
    const opened = await StorageObject.open(PATH, { ...seams, readOnly: true }).catch(
      (error: unknown) => error,
    );
    if (checked instanceof ContainerError) {
      expect(checked.code).toBe('CONTAINER_NOT_LUNBOX');
      expect(opened).toBeInstanceOf(ContainerError);
      return;
    }
    const report = checked as Awaited<ReturnType<typeof checkContainer>>;
    if (opened instanceof StorageObject) {
      // The header before the last has the last change but one.
      expect(['before', 'last']).toContain(opened.attributes.name);
      expect(opened.device.size).toBe(SIZE);
      await opened.close();
    } else {
      expect(opened).toBeInstanceOf(ContainerError);
      expect(['error', 'loss']).toContain(report.verdict);
    }
    const { check, savedPath } = await repairContainer(PATH, { ...seams, apply: true });
    if (savedPath !== undefined) expect((await disk.status(savedPath)).sizeBytes).toBeGreaterThan(0);
    if (report.verdict === 'loss') return;
    expect(['note', 'warning']).toContain(check.verdict);
    const repaired = await StorageObject.open(PATH, seams);
    expect(['before', 'last']).toContain(repaired.attributes.name);
    const block = Buffer.alloc(512);
    await repaired.device.read([block], 0);
    expect(block.equals(Buffer.alloc(512, 0xda))).toBe(true);
    await repaired.close();
  },
);

test.prop([fc.array(aDamage, { maxLength: 3 }), fc.boolean()], { numRuns: RUNS })(
  'a damaged draft is told of, is deleted only when nobody writes it, and does nothing to the disks beside it',
  async (damages, inWork) => {
    const disk = new SimulatedDisk({ immediate: true });
    const seams = { disk, processes: new FakeProcesses() };
    await (await newContainer(disk, ['before', 'last'])).close();
    await writeDamaged(disk, DRAFT, damages);
    const writer = inWork ? await openAsWriter(disk) : undefined;
    const { objects, unusable, drafts } = await scanCatalog(['/'], { ...seams, withoutCache: true });
    expect(objects).toMatchObject([{ path: PATH, findings: [] }]);
    expect([unusable, drafts.map(({ path }) => path)]).toEqual([[], [DRAFT]]);
    expect(drafts[0]!.findings).toMatchObject([{ code: inWork ? 'DRAFT_IN_WORK' : 'DRAFT_LEFT' }]);
    // Whoever takes it for a disk gets a disk, or is told what is wrong.
    const opened: unknown = await StorageObject.open(DRAFT, { ...seams, readOnly: true }).catch(
      (error: unknown) => error,
    );
    if (opened instanceof StorageObject) {
      expect(['before', 'last']).toContain(opened.attributes.name);
      await opened.close();
    } else expect(opened).toBeInstanceOf(ContainerError);
    const { applied, check } = await repairDrafts('/', { ...seams, apply: true });
    expect([applied, check.findings.length]).toEqual([!inWork, inWork ? 1 : 0]);
    expect((await disk.readdir('/')).includes(basename(DRAFT))).toBe(inWork);
    await writer?.close();
    const object = await StorageObject.open(PATH, seams);
    expect([object.continuity, object.attributes.name]).toEqual(['clean', 'last']);
    await object.close();
  },
);

/** Stands for whoever writes a draft, which shows by its lock. */
async function openAsWriter(disk: SimulatedDisk): Promise<DiskFile> {
  const file = await disk.open(DRAFT, 'write');
  expect(file.lock({ offset: 300, length: 1, exclusive: true })).toBe('granted');
  return file;
}
