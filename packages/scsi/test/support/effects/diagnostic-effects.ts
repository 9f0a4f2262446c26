import { expect } from 'vitest';
import {
  bufferDescriptor,
  BufferMode,
  buildTimestampList,
  buildIdentifyingInformation,
  InformationType,
  LOG_SELECT,
  LOG_SENSE,
  LogPageCode,
  parseDefectList,
  parseLogPage,
  parseLogParameters,
  parseSupportedTmf,
  parseTimestamp,
  READ_10,
  READ_BUFFER,
  READ_DEFECT_DATA_10,
  READ_DEFECT_DATA_12,
  RECEIVE_DIAGNOSTIC_RESULTS,
  REPORT_IDENTIFYING_INFORMATION,
  REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS as REPORT_SUPPORTED_TMF,
  REPORT_TIMESTAMP,
  SEND_DIAGNOSTIC,
  SET_IDENTIFYING_INFORMATION,
  SET_TIMESTAMP,
  statisticsParameter,
  TimestampOrigin,
  WRITE_BUFFER,
} from '../../../src/index.ts';
import { Initiator } from '../harness.ts';
import { effect, type CommandEffect, type Scene } from './command-effect.ts';

const read = ({ initiator }: Scene) => initiator.send(READ_10.encode({ TRANSFER_LENGTH: 1 }));
const readsCounted = (page: Uint8Array) =>
  statisticsParameter.decode(parseLogParameters(parseLogPage(page).body)[0]!.value).NUMBER_OF_READ_COMMANDS;
const statistics = { PAGE_CODE: LogPageCode.GENERAL_STATISTICS_AND_PERFORMANCE, ALLOCATION_LENGTH: 255 };

const LABEL = new TextEncoder().encode('volume 7');
const SET_LABEL = SET_IDENTIFYING_INFORMATION.encode({ PARAMETER_LIST_LENGTH: LABEL.length });

/** What each command for maintenance and diagnosis does. */
export const DIAGNOSTIC_EFFECTS: readonly CommandEffect[] = [
  effect(
    LOG_SENSE,
    statistics,
    (_scene, { data }) => {
      expect(readsCounted(data)).toBe(1);
    },
    { prepare: read },
  ),
  effect(
    LOG_SELECT,
    { PCR: 1 },
    async ({ initiator }) => {
      expect(readsCounted((await initiator.send(LOG_SENSE.encode(statistics))).data)).toBe(0);
    },
    { prepare: read },
  ),
  effect(READ_DEFECT_DATA_10, { REQ_GLIST: 1, ALLOCATION_LENGTH: 64 }, (_scene, { data }) => {
    expect(parseDefectList(10, data)).toMatchObject({ growing: true, descriptors: new Uint8Array(0) });
  }),
  effect(READ_DEFECT_DATA_12, { REQ_PLIST: 1, ALLOCATION_LENGTH: 64 }, (_scene, { data }) => {
    expect(parseDefectList(12, data)).toMatchObject({ primary: true, descriptors: new Uint8Array(0) });
  }),
  effect(
    REPORT_IDENTIFYING_INFORMATION,
    { INFORMATION_TYPE: InformationType.PERIPHERAL_DEVICE, ALLOCATION_LENGTH: 64 },
    (_scene, { data }) => {
      expect(data).toEqual(buildIdentifyingInformation(LABEL));
    },
    { prepare: ({ initiator }) => initiator.send(SET_LABEL, { dataOut: LABEL }) },
  ),
  effect(
    SET_IDENTIFYING_INFORMATION,
    { PARAMETER_LIST_LENGTH: LABEL.length },
    async ({ initiator }) => {
      const report = REPORT_IDENTIFYING_INFORMATION.encode({ ALLOCATION_LENGTH: 64 });
      expect((await initiator.send(report)).data).toEqual(buildIdentifyingInformation(LABEL));
    },
    { dataOut: LABEL },
  ),
  effect(REPORT_SUPPORTED_TMF, { ALLOCATION_LENGTH: 16 }, async ({ harness }, { data }) => {
    expect(parseSupportedTmf(data)).toMatchObject({ ATS: 1, LURS: 1, CACAS: 1, QTS: 0, ITNRS: 0 });
    const other = new Initiator(harness.target, 'other', 1, { taskManagement: { ATS: 1, QTS: 1, ITNRS: 1 } });
    await other.settle();
    const more = await other.send(REPORT_SUPPORTED_TMF.encode({ ALLOCATION_LENGTH: 16 }));
    expect(parseSupportedTmf(more.data)).toMatchObject({ ATS: 1, LURS: 0, CACAS: 0, QTS: 1, ITNRS: 1 });
  }),
  effect(REPORT_TIMESTAMP, { ALLOCATION_LENGTH: 12 }, ({ clock }, { data }) => {
    expect(parseTimestamp(data)).toEqual({ unixMs: clock.unixMs(), origin: TimestampOrigin.OTHER });
  }),
  effect(
    SET_TIMESTAMP,
    { PARAMETER_LIST_LENGTH: 12 },
    async ({ initiator, clock }) => {
      clock.advance(5);
      const { data } = await initiator.send(REPORT_TIMESTAMP.encode({ ALLOCATION_LENGTH: 12 }));
      expect(parseTimestamp(data)).toEqual({ unixMs: 2 ** 40 + 5, origin: TimestampOrigin.SET_TIMESTAMP });
    },
    { dataOut: buildTimestampList(2 ** 40) },
  ),
  effect(SEND_DIAGNOSTIC, { SELFTEST: 1 }, ({ device }) => {
    expect(device.log).toEqual(['read', 'read', 'flush']);
  }),
  effect(RECEIVE_DIAGNOSTIC_RESULTS, { PCV: 1, ALLOCATION_LENGTH: 64 }, (_scene, { data }) => {
    expect(data).toEqual(Uint8Array.of(0, 0, 0, 1, 0));
  }),
  effect(
    WRITE_BUFFER,
    { MODE: BufferMode.DATA, BUFFER_OFFSET: 2, PARAMETER_LIST_LENGTH: 3 },
    async ({ initiator }) => {
      const read = { MODE: BufferMode.DATA, BUFFER_OFFSET: 2, ALLOCATION_LENGTH: 3 };
      expect((await initiator.send(READ_BUFFER.encode(read))).data).toEqual(Uint8Array.of(7, 8, 9));
    },
    { dataOut: Uint8Array.of(7, 8, 9) },
  ),
  effect(READ_BUFFER, { MODE: BufferMode.DESCRIPTOR, ALLOCATION_LENGTH: 4 }, (_scene, { data }) => {
    expect(bufferDescriptor.decode(data).BUFFER_CAPACITY).toBe(4096);
  }),
];
