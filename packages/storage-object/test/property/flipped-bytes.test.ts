import { SimulatedDisk } from '@lunbox/block';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkContainer, ContainerError, repairContainer, StorageObject } from '../../src/index.ts';
import { readSmallFile, unlinkIfThere } from '../../src/files.ts';
import { HEADER_BYTES, HEADER_SLOTS, IDENTITY_BLOCK_BYTES } from '../../src/format.ts';
import { FakeProcesses } from '../support/fake-processes.ts';

const DIRECTORY = '/';
const PATH = join(DIRECTORY, 'disk.lun');
const SIZE = 64 << 10;
const LIMIT_MS = 300_000;
/** The last two changes: the header in force has the last one, its twin the one before. */
const NAMES = ['before', 'last'];

/** A closed container, and what its bytes were. */
interface Subject {
  readonly disk: SimulatedDisk;
  readonly attributesEnd: number;
  /** Changes a byte, or puts it back. */
  flip(offset: number): Promise<void>;
}

async function newSubject(): Promise<Subject> {
  const disk = new SimulatedDisk({ immediate: true });
  const seams = { disk, processes: new FakeProcesses() };
  const object = await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE });
  for (const name of NAMES) await object.updateAttributes({ name });
  await object.device.write([Buffer.alloc(512, 0xda)], 0);
  await object.close();
  const file = await disk.open(PATH, 'write');
  const { mtimeNs } = await file.status();
  const length = Buffer.alloc(4);
  await file.read([length], HEADER_SLOTS.A.offset + 36);
  const flip = async (offset: number): Promise<void> => {
    const byte = Buffer.alloc(1);
    await file.read([byte], offset);
    byte[0]! ^= 1 << (offset % 8);
    await file.write([byte], offset);
    await file.setModifiedTime(Number(mtimeNs / 1_000_000n));
  };
  return { disk, attributesEnd: HEADER_BYTES + length.readUInt32BE(0), flip };
}

let subject: Subject;
beforeAll(async () => {
  subject = await newSubject();
});

/** What a reader makes of it: what is in it, or a typed error. */
async function readBack({ disk }: Subject): Promise<string | undefined> {
  try {
    const seams = { disk, processes: new FakeProcesses(), readOnly: true };
    const object = await StorageObject.open(PATH, seams);
    const block = Buffer.alloc(512);
    await object.device.read([block], 0);
    const { name } = object.attributes;
    const { size } = object.device;
    await object.close();
    expect(size).toBe(SIZE);
    expect(block.equals(Buffer.alloc(512, 0xda))).toBe(true);
    return name;
  } catch (error) {
    if (error instanceof ContainerError) return undefined;
    throw error;
  }
}

/** Flips each byte of a run by itself, and says what came of it. */
async function flipEach(start: number, end: number, judge: (at: number) => Promise<void>): Promise<void> {
  for (let at = start; at < end; at++) {
    await subject.flip(at);
    await judge(at);
    await subject.flip(at);
  }
  expect(
    (await checkContainer(PATH, { disk: subject.disk, processes: new FakeProcesses() })).findings,
  ).toEqual([]);
}

/** What is found in a copy of the damaged container, and whether a repair makes it sound. */
async function mended(at: number): Promise<void> {
  const { disk } = subject;
  const seams = { disk, processes: new FakeProcesses() };
  const { check, steps, savedPath } = await repairContainer(PATH, { ...seams, apply: true });
  expect(steps, `byte ${at}`).toHaveLength(1);
  // Of the two headers the twin may say that it is open; that is worth a note.
  expect(check.verdict, `byte ${at}`).toBe('note');
  await disk.unlink(savedPath!);
}

describe('one byte that is changed', () => {
  it.each(['A', 'B'] as const)(
    'of header %s or its attributes, whichever: the twin is taken, and check says so',
    async (slot) => {
      const { offset } = HEADER_SLOTS[slot];
      await flipEach(offset, offset + subject.attributesEnd, async (at) => {
        const { findings } = await checkContainer(PATH, {
          disk: subject.disk,
          processes: new FakeProcesses(),
        });
        expect(
          findings.map(({ code }) => code),
          `byte ${at}`,
        ).toContain('HEADER_DAMAGED');
        const name = await readBack(subject);
        // Closing wrote one header more: both have the last name by then.
        expect(NAMES, `byte ${at}`).toContain(name);
      });
    },
    LIMIT_MS,
  );

  it(
    'of the first block, whichever: refused, and check says so',
    async () => {
      await flipEach(0, IDENTITY_BLOCK_BYTES, async (at) => {
        const { findings } = await checkContainer(PATH, {
          disk: subject.disk,
          processes: new FakeProcesses(),
        });
        expect(
          findings.map(({ code }) => code),
          `byte ${at}`,
        ).toEqual(['IDENTITY_BLOCK_DAMAGED']);
        expect(await readBack(subject), `byte ${at}`).toBeUndefined();
      });
    },
    LIMIT_MS,
  );

  it(
    'is mended from the twin or the header, wherever it is',
    async () => {
      const places = [
        [0, IDENTITY_BLOCK_BYTES],
        [HEADER_SLOTS.A.offset, subject.attributesEnd],
        [HEADER_SLOTS.B.offset, subject.attributesEnd],
      ] as const;
      for (const [start, length] of places) {
        // Each repair writes a file beside the container, so only every 61st.
        for (let at = start; at < start + length; at += 61) {
          subject = await newSubject();
          await subject.flip(at);
          await mended(at);
          expect(await readBack(subject), `byte ${at}`).toBe('last');
        }
      }
    },
    LIMIT_MS,
  );
});

/** Who has a container open, and who would like to. */
interface Rivals {
  readonly locks: boolean;
  readonly holder: 'writer' | 'reader';
  readonly seeker: 'writer' | 'reader';
  /** The holder has ended without letting go. */
  readonly dead?: boolean;
}

/** A container that is open, its lock file, and somebody else who would like to open it. */
async function heldContainer({ locks, holder, seeker, dead = false }: Rivals) {
  const disk = new SimulatedDisk({ immediate: true, locks });
  const first = { disk, processes: new FakeProcesses({ pid: 1 }) };
  await (await StorageObject.create(PATH, { ...first, sizeBytes: SIZE })).close();
  const object = await StorageObject.open(PATH, { ...first, readOnly: holder === 'reader' });
  const lockPath = `${PATH}.lock`;
  const sound = await readSmallFile(disk, lockPath, 4096);
  const processes = new FakeProcesses({ pid: 2 });
  if (dead) await object.close();
  else processes.running.add(1);
  const open = async (bytes: Uint8Array): Promise<StorageObject> => {
    await unlinkIfThere(disk, lockPath);
    const damaged = await disk.open(lockPath, 'create');
    await damaged.write([bytes], 0);
    await damaged.close();
    return await StorageObject.open(PATH, { disk, processes, readOnly: seeker === 'reader' });
  };
  return {
    sound: sound!,
    /** Opens the container beside a lock file of these bytes, which stays as it is where nobody is let in. */
    isKeptOut: async (bytes: Uint8Array): Promise<void> => {
      const refusal = { code: 'CONTAINER_LOCKED', data: { lockPath } };
      await expect(open(bytes), Buffer.from(bytes).toString('latin1')).rejects.toMatchObject(refusal);
      expect(Buffer.compare((await readSmallFile(disk, lockPath, 8192))!, bytes)).toBe(0);
    },
    isLetIn: async (bytes: Uint8Array): Promise<void> => {
      await (await open(bytes)).close();
    },
    findings: async () => (await checkContainer(PATH, { disk, processes })).findings.map(({ code }) => code),
  };
}

const SIDES = ['writer', 'reader'] as const;
const RIVALS: readonly Rivals[] = [true, false].flatMap((locks) =>
  SIDES.flatMap((holder) => SIDES.map((seeker) => ({ locks, holder, seeker }))),
);

describe('a lock file that is damaged lets nobody in', () => {
  const noise = [Buffer.alloc(4000, 0xee), Buffer.from('{"pid":1}'), Buffer.from('null')];
  /** What a loss of power makes of a file that was not on the medium yet. */
  const blank = [Buffer.alloc(0), Buffer.alloc(300)];

  it.each(RIVALS)('$holder, $seeker, byte locks: $locks: each byte of it', async (rivals) => {
    const { sound, isKeptOut, findings } = await heldContainer(rivals);
    for (const at of sound.keys()) {
      const bytes = Buffer.from(sound);
      bytes[at]! ^= 1 << (at % 8);
      await isKeptOut(bytes);
    }
    expect(await findings()).toContain('LOCK_DAMAGED');
    // Without its line feed it is whole.
    for (let length = 0; length < sound.length; length += 7) await isKeptOut(sound.subarray(0, length));
    for (const bytes of [...noise, ...blank]) await isKeptOut(bytes);
    await isKeptOut(sound);
  });

  it.each([true, false])('each bit of it, whether or not there are byte locks: %s', async (locks) => {
    const { sound, isKeptOut } = await heldContainer({ locks, holder: 'writer', seeker: 'writer' });
    for (const at of sound.keys()) {
      for (let bit = 0; bit < 8; bit++) {
        const bytes = Buffer.from(sound);
        bytes[at]! ^= 1 << bit;
        await isKeptOut(bytes);
      }
    }
  });

  it.each(RIVALS)(
    'when $holder has ended, too ($seeker, byte locks: $locks): a whole one is void, a damaged one is not',
    async (rivals) => {
      const { sound, isKeptOut, isLetIn } = await heldContainer({ ...rivals, dead: true });
      for (const at of sound.keys()) {
        const bytes = Buffer.from(sound);
        bytes[at]! ^= 1 << (at % 8);
        await isKeptOut(bytes);
      }
      // Where byte locks tell that nobody is there, what the loss of power left keeps nobody out.
      for (const bytes of blank) await (rivals.locks ? isLetIn(bytes) : isKeptOut(bytes));
      await isLetIn(sound);
    },
  );
});
