import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import {
  buildAllOpcodes,
  buildFullReservationStatus,
  buildLbaStatus,
  buildRegisterAndMoveList,
  buildReservationKeys,
  buildReserveOutList,
  buildUnmapList,
  CDB_DEFINITIONS,
  CheckConditionError,
  describeCdb,
  describeSense,
  encodeDescriptorSense,
  encodeFixedSense,
  parseAllOpcodes,
  parseDefectList,
  parseFormatList,
  parseLogPage,
  parseLogParameters,
  parseModePage,
  parseModePagePolicy,
  parseOverwriteList,
  parseDeviceIdentification,
  parseFullReservationStatus,
  parseLbaStatus,
  parseLunList,
  parseModeParameters,
  parseOneOpcode,
  parseReservationCapabilities,
  parseReservationKeys,
  parseReservationReport,
  parseRegisterAndMoveList,
  parseReserveOutList,
  parseScsiPorts,
  parseSense,
  parseStandardInquiry,
  parseTransportId,
  parseUnmapList,
  parseVpdPage,
  type SenseData,
} from '../../src/index.ts';

const byte = fc.nat(255);
const fieldPointer = fc.record(
  { inCdb: fc.boolean(), byteOffset: fc.nat(0xffff), bit: fc.nat(7) },
  { requiredKeys: ['inCdb', 'byteOffset'] },
);
const sense: fc.Arbitrary<SenseData> = fc.oneof(
  fc.record(
    {
      senseKey: fc.nat(15),
      asc: byte,
      ascq: byte,
      information: fc.nat(0xffff_ffff),
      deferred: fc.constant(true),
    },
    { requiredKeys: ['senseKey', 'asc', 'ascq'] },
  ),
  fc.record({ senseKey: fc.constant(5), asc: byte, ascq: byte, fieldPointer }),
  fc.record({ senseKey: fc.constantFrom(0, 2), asc: byte, ascq: byte, progress: fc.nat(0xffff) }),
);

test.prop([sense])('sense data comes back from both formats', (data) => {
  expect(parseSense(encodeFixedSense(data))).toEqual(data);
  expect(parseSense(encodeDescriptorSense(data))).toEqual(data);
});

test.prop([fc.constantFrom(...CDB_DEFINITIONS), fc.uint8Array({ minLength: 32, maxLength: 32 })])(
  'the fields of any CDB build the same CDB again, reserved bits apart',
  (definition, bytes) => {
    // Beyond 2^53 a 64-bit address is rounded on purpose.
    const cdb = bytes.slice(0, definition.lengthBytes);
    if (definition.lengthBytes === 16) cdb.fill(0, 2, 4);
    if (definition.lengthBytes === 32) cdb.fill(0, 12, 14);
    const fields = definition.decode(cdb);
    expect(definition.decode(definition.encode(fields))).toMatchObject({
      ...fields,
      OPERATION_CODE: definition.operationCode,
      ...(definition.lengthBytes === 32 ? { ADDITIONAL_CDB_LENGTH: 24 } : {}),
      ...(definition.serviceAction === undefined ? {} : { SERVICE_ACTION: definition.serviceAction }),
    });
  },
);

const range = fc.record({ lba: fc.nat(2 ** 44), blockCount: fc.nat(0xffff_ffff) });

test.prop([fc.array(range, { maxLength: 300 })])('UNMAP parameter lists come back', (ranges) => {
  expect(parseUnmapList(buildUnmapList(ranges))).toEqual({ ranges, truncated: false });
});

test.prop([fc.array(fc.record({ lba: fc.nat(2 ** 44), blockCount: fc.nat(), status: fc.nat(15) }))])(
  'LBA status descriptors come back',
  (runs) => {
    expect(parseLbaStatus(buildLbaStatus(runs))).toEqual(runs);
  },
);

const timeouts = fc.record({ nominalSeconds: fc.nat(), recommendedSeconds: fc.nat() });
const opcode = fc.record(
  {
    operationCode: byte,
    serviceAction: fc.nat(31),
    cdbLengthBytes: fc.constantFrom(6, 10, 12, 16),
    timeouts,
  },
  { requiredKeys: ['operationCode', 'cdbLengthBytes'] },
);

test.prop([fc.array(opcode)])('supported operation codes come back', (opcodes) => {
  expect(parseAllOpcodes(buildAllOpcodes(opcodes))).toEqual(opcodes);
});

test.prop([fc.uint8Array({ maxLength: 300 })], { numRuns: 1000 })(
  'no parser throws or loops on any bytes',
  (bytes) => {
    parseSense(bytes);
    describeSense(bytes);
    describeCdb(bytes);
    parseStandardInquiry(bytes);
    parseDeviceIdentification(parseVpdPage(bytes).body);
    parseUnmapList(bytes);
    parseLbaStatus(bytes);
    parseLunList(bytes);
    parseAllOpcodes(bytes);
    parseOneOpcode(bytes);
    parseModeParameters(6, bytes);
    parseModeParameters(10, bytes);
    parseReservationKeys(bytes);
    parseReservationReport(bytes);
    parseReservationCapabilities(bytes);
    parseFullReservationStatus(bytes);
    parseTransportId(bytes);
    parseLogParameters(parseLogPage(bytes).body);
    parseModePage(bytes);
    parseModePagePolicy(bytes);
    parseScsiPorts(bytes);
    parseDefectList(10, bytes);
    parseDefectList(12, bytes);
    parseOverwriteList(bytes);
    parseFormatList(bytes, true);
    parseFormatList(bytes, false);
  },
);

const reservationKey = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((key) => key.toString(16).padStart(16, '0'));
const initiatorPort = fc
  .tuple(fc.integer({ min: 1, max: 200 }), fc.nat(2 ** 47))
  .map(([length, isid]) => `iqn.${'x'.repeat(length)},i,0x${isid.toString(16).padStart(12, '0')}`);
const generation = fc.nat(0xffff_ffff);

test.prop([generation, fc.array(reservationKey)])('reservation keys come back', (count, keys) => {
  expect(parseReservationKeys(buildReservationKeys({ generation: count, keys }))).toEqual({
    generation: count,
    keys,
  });
});

const registration = fc.record(
  { key: reservationKey, initiatorPort, relativePort: fc.nat(0xffff), holds: fc.nat(15) },
  { requiredKeys: ['key', 'initiatorPort', 'relativePort'] },
);

test.prop([generation, fc.array(registration)])(
  'the full reservation status comes back',
  (count, registrations) => {
    const status = { generation: count, registrations };
    expect(parseFullReservationStatus(buildFullReservationStatus(status))).toEqual(status);
  },
);

const outList = fc.record(
  {
    key: reservationKey,
    serviceActionKey: reservationKey,
    allTargetPorts: fc.boolean(),
    aptpl: fc.boolean(),
    initiatorPorts: fc.array(initiatorPort),
  },
  { requiredKeys: ['key', 'serviceActionKey', 'allTargetPorts', 'aptpl'] },
);

test.prop([outList])('PERSISTENT RESERVE OUT parameter lists come back', (list) => {
  expect(parseReserveOutList(buildReserveOutList(list), true)).toEqual(list);
});

const moveList = fc.record({
  key: reservationKey,
  serviceActionKey: reservationKey,
  unregister: fc.boolean(),
  aptpl: fc.boolean(),
  destination: fc.record({ initiatorPort, relativePort: fc.nat(0xffff) }),
});

test.prop([moveList])('REGISTER AND MOVE parameter lists come back', (list) => {
  expect(parseRegisterAndMoveList(buildRegisterAndMoveList(list))).toEqual(list);
});

test.prop([fc.uint8Array({ maxLength: 300 })], { numRuns: 1000 })(
  'a PERSISTENT RESERVE OUT parameter list of any bytes is read or refused',
  (bytes) => {
    for (const parse of [parseRegisterAndMoveList, (list: Uint8Array) => parseReserveOutList(list, true)]) {
      try {
        parse(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckConditionError);
      }
    }
  },
);
