import { describe, expect, test } from 'vitest';
import {
  buildControlPage,
  COMPARE_AND_WRITE,
  MODE_SELECT_10,
  ORWRITE_16,
  READ_10,
  READ_16,
  READ_32,
  READ_6,
  VERIFY_10,
  VERIFY_16,
  VERIFY_32,
  WRITE_10,
  WRITE_16,
  WRITE_32,
  WRITE_6,
  WRITE_AND_VERIFY_16,
  WRITE_ATOMIC_16,
  WRITE_SAME_10,
  WRITE_SAME_16,
  WRITE_SAME_32,
  type ControlPage,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { pattern, sameBytes, type Initiator } from '../support/harness.ts';
import { protectedHarness, withTags } from '../support/protected.ts';

const LBA = 5;
const INITIAL = 0xdead_beef;
const APPLICATION = 0x1234;
type Type = 1 | 2 | 3;
type Field = 'guard' | 'application' | 'reference';
const CODES: Record<Field, number> = { guard: 1, application: 2, reference: 3 };

/**
 * The tables of SBC-3 as they are printed: which fields each value checks, in what is stored and in what comes. The
 * application tag is known only from a 32-byte CDB and with ATO, the reference tag only with types 1 and 2.
 */
const PRINTED: Record<number, readonly Field[]> = {
  0b000: ['guard', 'application', 'reference'],
  0b001: ['guard', 'application', 'reference'],
  0b010: ['application', 'reference'],
  0b011: [],
  0b100: ['guard'],
  0b101: ['guard', 'application', 'reference'],
};
const VALUES = Object.keys(PRINTED).map(Number);

const reference = (type: Type, index: number) => (type === 1 ? LBA : INITIAL) + index;
const tagsOf = (type: Type) => (index: number) => ({
  application: APPLICATION,
  reference: reference(type, index),
});
const expectedTags = {
  EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG: INITIAL,
  EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG: APPLICATION,
  LOGICAL_BLOCK_APPLICATION_TAG_MASK: 0xffff,
};

/** Blocks that came with a wrong field in one of them. */
function corrupt(wire: Uint8Array, blockSize: number, index: number, field: Field): Uint8Array {
  const at = index * (blockSize + 8) + blockSize + { guard: 0, application: 2, reference: 4 }[field];
  const wrong = Uint8Array.from(wire);
  wrong[at]! ^= 0x40;
  return wrong;
}

function failed(field: Field, lba: number, senseKey = 0xb): object {
  return { status: 2, sense: { senseKey, asc: 0x10, ascq: CODES[field], information: lba } };
}

async function control(initiator: Initiator, fields: Partial<ControlPage>): Promise<void> {
  const page = buildControlPage({ QUEUE_ALGORITHM_MODIFIER: 1, ...fields });
  const dataOut = Buffer.concat([new Uint8Array(8), page]);
  const cdb = MODE_SELECT_10.encode({ PF: 1, PARAMETER_LIST_LENGTH: dataOut.length });
  expect(await initiator.send(cdb, { dataOut })).toMatchObject(Expected.GOOD);
}

/** READ and WRITE as the type wants them: those of 32 bytes with type 2. */
const address = (blocks: number) => ({ LOGICAL_BLOCK_ADDRESS: LBA, TRANSFER_LENGTH: blocks });
const readCdb = (type: Type, RDPROTECT: number, blocks: number) =>
  type === 2
    ? READ_32.encode({ RDPROTECT, ...address(blocks), ...expectedTags })
    : READ_16.encode({ RDPROTECT, ...address(blocks) });
const writeCdb = (type: Type, WRPROTECT: number, blocks: number) =>
  type === 2
    ? WRITE_32.encode({ WRPROTECT, ...address(blocks), ...expectedTags })
    : WRITE_16.encode({ WRPROTECT, ...address(blocks) });

describe.each([512, 4096])('blocks of %i bytes', (blockSize) => {
  const data = pattern(3 * blockSize, 7);

  describe.each([1, 2, 3] as const)('type %i', (type) => {
    const wire = withTags(data, blockSize, tagsOf(type));
    const open = () => protectedHarness(type, { blockSize });
    const knows = (field: Field, ato: boolean) =>
      field === 'guard' || (field === 'reference' ? type !== 3 : ato && type === 2);

    test.each(VALUES)(
      'what was written comes back with RDPROTECT %i, in pieces of any length',
      async (protect) => {
        const { initiator } = await open();
        expect(await initiator.send(writeCdb(type, 1, 3), { dataOut: wire, pieceBytes: 333 })).toMatchObject({
          status: 0,
        });
        const read = await initiator.send(readCdb(type, protect, 3), { pieceBytes: 777 });
        expect(read.status).toBe(0);
        expect(sameBytes(read.data, protect === 0 ? data : wire)).toBe(true);
      },
    );

    test.each(VALUES.flatMap((value) => [false, true].map((ato) => [value, ato] as const)))(
      'PROTECT %i with ATO %s finds what the tables say, in what comes and in what is stored',
      async (protect, ato) => {
        const { initiator } = await open();
        await control(initiator, { ATO: ato ? 1 : 0 });
        for (const field of ['guard', 'application', 'reference'] as const) {
          const wrong = corrupt(wire, blockSize, 1, field);
          const checked = PRINTED[protect]!.includes(field) && knows(field, ato);
          if (protect !== 0) {
            const written = await initiator.send(writeCdb(type, protect, 3), { dataOut: wrong });
            expect(written, field).toMatchObject(checked ? failed(field, LBA + 1) : Expected.GOOD);
          }
          // WRPROTECT 011b stores whatever comes.
          expect(await initiator.send(writeCdb(type, 3, 3), { dataOut: wrong })).toMatchObject({ status: 0 });
          const read = await initiator.send(readCdb(type, protect, 3));
          expect(read, field).toMatchObject(checked ? failed(field, LBA + 1) : Expected.GOOD);
        }
      },
    );

    test('DPICZ switches off the checks of 000b, and no others', async () => {
      const { initiator } = await open();
      const wrong = corrupt(wire, blockSize, 2, 'guard');
      await initiator.send(writeCdb(type, 3, 3), { dataOut: wrong });
      const plain = READ_10.encode(address(3));
      expect(await initiator.send(plain)).toMatchObject(failed('guard', LBA + 2));
      await control(initiator, { DPICZ: 1 });
      expect(await initiator.send(plain)).toMatchObject({ status: 0 });
      expect(await initiator.send(readCdb(type, 0, 3))).toMatchObject({ status: 0 });
      expect(await initiator.send(readCdb(type, 1, 3))).toMatchObject(failed('guard', LBA + 2));
    });

    test('an application tag of FFFFh switches off every check; with type 3, together with FFFFFFFFh', async () => {
      const { initiator } = await open();
      for (const last of [0xffff_ffff, 5]) {
        const escaped = withTags(data, blockSize, () => ({ application: 0xffff, reference: last }));
        const wrong = corrupt(escaped, blockSize, 0, 'guard');
        const checked = type === 3 && last === 5;
        const outcome = checked ? failed('guard', LBA) : Expected.GOOD;
        expect(await initiator.send(writeCdb(type, 1, 3), { dataOut: wrong })).toMatchObject(outcome);
        await initiator.send(writeCdb(type, 3, 3), { dataOut: wrong });
        expect(await initiator.send(readCdb(type, 1, 3))).toMatchObject(outcome);
        expect(await initiator.send(READ_10.encode(address(3)))).toMatchObject(outcome);
      }
    });

    test('writing without protection information makes it up; what was never written has FFh', async () => {
      const { initiator } = await open();
      const cdb = WRITE_10.encode(address(2));
      expect(await initiator.send(cdb, { dataOut: data.subarray(0, 2 * blockSize) })).toMatchObject({
        status: 0,
      });
      const made = withTags(data.subarray(0, 2 * blockSize), blockSize, (index) => ({
        application: 0,
        reference: type === 1 ? LBA + index : 0xffff_ffff,
      }));
      const never = Buffer.concat([Buffer.alloc(blockSize), Buffer.alloc(8, 0xff)]);
      const { data: found } = await initiator.send(readCdb(type, 3, 3));
      expect(sameBytes(found, Buffer.concat([made, never]))).toBe(true);
      await control(initiator, { ATO: 1 });
      await initiator.send(cdb, { dataOut: data.subarray(0, 2 * blockSize) });
      const owned = (await initiator.send(readCdb(type, 3, 1))).data;
      expect(owned.subarray(blockSize + 2, blockSize + 4)).toEqual(Uint8Array.of(0xff, 0xff));
    });

    test('reserved values are refused at the field', async () => {
      const { initiator } = await open();
      for (const value of [6, 7]) {
        const at = type === 2 ? 10 : 1;
        expect(await initiator.send(readCdb(type, value, 1))).toMatchObject(invalidCdb(at, 7));
        expect(await initiator.send(writeCdb(type, value, 1), { dataOut: wire })).toMatchObject(
          invalidCdb(at, 7),
        );
      }
    });

    test('a block of which a part came is refused, and those before it are stored', async () => {
      const { initiator } = await open();
      const dataOut = wire.subarray(0, blockSize + 8 + 100);
      expect(await initiator.send(writeCdb(type, 1, 3), { dataOut })).toMatchObject(Expected.TOO_LITTLE_DATA);
      const { data: found } = await initiator.send(readCdb(type, 1, 1));
      expect(sameBytes(found, wire.subarray(0, blockSize + 8))).toBe(true);
    });

    test.each(VALUES)('VERIFY with VRPROTECT %i checks the medium, or compares with it', async (protect) => {
      const { initiator } = await open();
      const verify = (BYTCHK: number, blocks = 3) => {
        const fields = {
          VRPROTECT: protect,
          BYTCHK,
          LOGICAL_BLOCK_ADDRESS: LBA,
          VERIFICATION_LENGTH: blocks,
        };
        return type === 2 ? VERIFY_32.encode({ ...fields, ...expectedTags }) : VERIFY_16.encode(fields);
      };
      await initiator.send(writeCdb(type, 1, 3), { dataOut: wire });
      const dataOut = protect === 0 ? data : wire;
      expect(await initiator.send(verify(0))).toMatchObject(Expected.GOOD);
      expect(await initiator.send(verify(1), { dataOut, pieceBytes: 200 })).toMatchObject(Expected.GOOD);
      const other = Uint8Array.from(dataOut);
      other[dataOut.length / 3 + 9]! ^= 1;
      const unchecked = protect === 0 || protect === 2 || protect === 3;
      const miscompare = { status: 2, sense: { senseKey: 0xe, asc: 0x1d, information: LBA + 1 } };
      expect(await initiator.send(verify(1), { dataOut: other })).toMatchObject(
        unchecked ? miscompare : failed('guard', LBA + 1),
      );
      await initiator.send(writeCdb(type, 3, 3), { dataOut: corrupt(wire, blockSize, 2, 'guard') });
      const sees = PRINTED[protect]!.includes('guard');
      expect(await initiator.send(verify(0))).toMatchObject(sees ? failed('guard', LBA + 2) : Expected.GOOD);
      // What is stored is compared with what comes: with 000b it is checked, with 010b the guard is left out.
      const compared = protect === 0 ? failed('guard', LBA + 2) : failed('guard', LBA + 2, 0xe);
      expect(await initiator.send(verify(1), { dataOut })).toMatchObject(
        protect === 2 ? { status: 0 } : compared,
      );
    });

    test('WRITE SAME repeats its block, with reference tags that go up but for type 3', async () => {
      const { initiator } = await open();
      const one = wire.subarray(0, blockSize + 8);
      const range = { LOGICAL_BLOCK_ADDRESS: LBA, NUMBER_OF_LOGICAL_BLOCKS: 3 };
      const same = (fields: object) =>
        type === 2
          ? WRITE_SAME_32.encode({ WRPROTECT: 1, ...range, ...expectedTags, ...fields })
          : WRITE_SAME_16.encode({ WRPROTECT: 1, ...range, ...fields });
      const repeated = Buffer.concat([0, 1, 2].map(() => data.subarray(0, blockSize)));
      const tags = (index: number) => tagsOf(type)(type === 3 ? 0 : index);
      expect(await initiator.send(same({}), { dataOut: one })).toMatchObject(Expected.GOOD);
      const { data: found } = await initiator.send(readCdb(type, 1, 3));
      expect(sameBytes(found, withTags(repeated, blockSize, tags))).toBe(true);
      const verify = { BYTCHK: 3, VRPROTECT: 1, LOGICAL_BLOCK_ADDRESS: LBA, VERIFICATION_LENGTH: 3 };
      const cdb = type === 2 ? VERIFY_32.encode({ ...verify, ...expectedTags }) : VERIFY_16.encode(verify);
      expect(await initiator.send(cdb, { dataOut: one })).toMatchObject(Expected.GOOD);
      expect(await initiator.send(same({}), { dataOut: corrupt(one, blockSize, 0, 'guard') })).toMatchObject(
        failed('guard', LBA),
      );
      const erased = Buffer.concat([Buffer.alloc(blockSize), Buffer.alloc(8, 0xff)]);
      for (const UNMAP of [0, 1]) {
        expect(await initiator.send(same({ UNMAP }), { dataOut: erased })).toMatchObject(Expected.GOOD);
        const cleared = (await initiator.send(readCdb(type, 1, 3))).data;
        expect(sameBytes(cleared, Buffer.concat([erased, erased, erased]))).toBe(true);
      }
      expect(await initiator.send(same({ NDOB: 1, WRPROTECT: 0 }))).toMatchObject(Expected.GOOD);
      expect(await initiator.send(same({ NDOB: 1 }))).toMatchObject(invalidCdb(type === 2 ? 10 : 1, 7));
    });

    test('WRITE SAME of no blocks fills the rest where it may, protection information included', async () => {
      const blocks = 8;
      const { initiator } = await protectedHarness(type, { blockSize, blocks, writeSameZero: 'rest' });
      const one = wire.subarray(0, blockSize + 8);
      const fields = { WRPROTECT: 1, LOGICAL_BLOCK_ADDRESS: LBA };
      const cdb =
        type === 2 ? WRITE_SAME_32.encode({ ...fields, ...expectedTags }) : WRITE_SAME_16.encode(fields);
      expect(await initiator.send(cdb, { dataOut: one })).toMatchObject(Expected.GOOD);
      const count = blocks - LBA;
      const repeated = Buffer.concat(Array.from({ length: count }, () => data.subarray(0, blockSize)));
      const { data: found } = await initiator.send(readCdb(type, 1, count));
      const tags = (index: number) => tagsOf(type)(type === 3 ? 0 : index);
      expect(sameBytes(found, withTags(repeated, blockSize, tags))).toBe(true);
    });

    test('RWWP refuses writes that bring no protection information', async () => {
      const { initiator } = await open();
      await control(initiator, { RWWP: 1 });
      const dataOut = data.subarray(0, blockSize);
      expect(await initiator.send(WRITE_10.encode(address(1)), { dataOut })).toMatchObject(invalidCdb(1, 7));
      const same = WRITE_SAME_10.encode({ NUMBER_OF_LOGICAL_BLOCKS: 1 });
      expect(await initiator.send(same, { dataOut })).toMatchObject(invalidCdb(1, 7));
      const six = WRITE_6.encode({ TRANSFER_LENGTH: 1 });
      expect(await initiator.send(six, { dataOut })).toMatchObject(Expected.INVALID_OPCODE);
      expect(await initiator.send(writeCdb(type, 1, 3), { dataOut: wire })).toMatchObject(Expected.GOOD);
      expect(await initiator.send(READ_6.encode({ TRANSFER_LENGTH: 1 }))).toMatchObject({ status: 0 });
    });
  });

  test.each([1, 3] as const)(
    'COMPARE AND WRITE, WRITE ATOMIC, ORWRITE, WRITE AND VERIFY with type %i',
    async (type) => {
      const { initiator } = await protectedHarness(type, { blockSize, atomicWriteBytes: 3 * blockSize });
      const tags = tagsOf(type);
      const old = withTags(data, blockSize, tags);
      const next = withTags(pattern(3 * blockSize, 50), blockSize, tags);
      const unitBytes = blockSize + 8;
      const atomic = WRITE_ATOMIC_16.encode({ WRPROTECT: 1, ...address(3) });
      expect(await initiator.send(atomic, { dataOut: old })).toMatchObject(Expected.GOOD);
      const swap = COMPARE_AND_WRITE.encode({
        WRPROTECT: 1,
        LOGICAL_BLOCK_ADDRESS: LBA,
        NUMBER_OF_LOGICAL_BLOCKS: 3,
      });
      const send = (a: Uint8Array, b: Uint8Array) =>
        initiator.send(swap, { dataOut: Buffer.concat([a, b]), announce: true });
      expect(await send(next, old)).toMatchObject({ status: 2, sense: { senseKey: 0xe, asc: 0x1d } });
      const guardOff = corrupt(old, blockSize, 1, 'guard');
      expect(await send(guardOff, next)).toMatchObject(failed('guard', unitBytes + blockSize, 0xe));
      expect(await send(old, corrupt(next, blockSize, 2, 'guard'))).toMatchObject(failed('guard', LBA + 2));
      expect(await send(old, next)).toMatchObject(Expected.GOOD);
      expect(sameBytes((await initiator.send(readCdb(type, 1, 3))).data, next)).toBe(true);
      const or = ORWRITE_16.encode({ ORPROTECT: 1, ...address(3) });
      expect(await initiator.send(or, { dataOut: old })).toMatchObject(Expected.GOOD);
      const united = pattern(3 * blockSize, 50).map((byte, at) => byte | data[at]!);
      expect(
        sameBytes((await initiator.send(readCdb(type, 1, 3))).data, withTags(united, blockSize, tags)),
      ).toBe(true);
      const verified = WRITE_AND_VERIFY_16.encode({ WRPROTECT: 1, ...address(3) });
      expect(await initiator.send(verified, { dataOut: old })).toMatchObject(Expected.GOOD);
      expect(sameBytes((await initiator.send(readCdb(type, 1, 3))).data, old)).toBe(true);
    },
  );
});

test('type 2: commands of less than 32 bytes may not carry protection information', async () => {
  const { initiator } = await protectedHarness(2);
  for (const cdb of [READ_10, READ_16, WRITE_10, WRITE_16, WRITE_AND_VERIFY_16, WRITE_ATOMIC_16] as const) {
    const bytes = cdb.encode(address(1));
    expect(await initiator.send(bytes, { dataOut: new Uint8Array(512) }), cdb.name).toMatchObject({
      status: 0,
    });
    bytes[1]! |= 0x20;
    expect(await initiator.send(bytes, { dataOut: new Uint8Array(520) })).toMatchObject(
      Expected.INVALID_OPCODE,
    );
  }
  for (const [cdb, dataOut] of [
    [VERIFY_10.encode({ VRPROTECT: 1 }), undefined],
    [WRITE_SAME_10.encode({ WRPROTECT: 1, NUMBER_OF_LOGICAL_BLOCKS: 1 }), new Uint8Array(520)],
    [COMPARE_AND_WRITE.encode({ WRPROTECT: 1, NUMBER_OF_LOGICAL_BLOCKS: 1 }), new Uint8Array(1040)],
    [ORWRITE_16.encode({ ORPROTECT: 1, TRANSFER_LENGTH: 1 }), new Uint8Array(520)],
  ] as const) {
    const options = dataOut === undefined ? {} : { dataOut };
    expect(await initiator.send(cdb, options)).toMatchObject(Expected.INVALID_OPCODE);
  }
});

test.each([0, 1, 3] as const)('the commands of type 2 are none with type %i', async (type) => {
  const { initiator } = await protectedHarness(type);
  expect(await initiator.send(READ_32.encode(address(1)))).toMatchObject(Expected.INVALID_OPCODE);
  expect(await initiator.send(WRITE_32.encode(address(1)))).toMatchObject(Expected.INVALID_OPCODE);
  expect(await initiator.send(VERIFY_32.encode({}))).toMatchObject(Expected.INVALID_OPCODE);
  const same = WRITE_SAME_32.encode({ NUMBER_OF_LOGICAL_BLOCKS: 1 });
  expect(await initiator.send(same, { dataOut: new Uint8Array(512) })).toMatchObject(Expected.GOOD);
});

test('a unit that is not formatted with protection information refuses to carry it', async () => {
  const { initiator } = await protectedHarness(0);
  expect(await initiator.send(READ_10.encode({ RDPROTECT: 1 }))).toMatchObject(invalidCdb(1, 7));
  expect(await initiator.send(WRITE_16.encode({ WRPROTECT: 3 }))).toMatchObject(invalidCdb(1, 7));
  expect(await initiator.send(VERIFY_10.encode({ VRPROTECT: 1 }))).toMatchObject(invalidCdb(1, 7));
  expect(await initiator.send(READ_10.encode(address(1)))).toMatchObject({ status: 0 });
});
