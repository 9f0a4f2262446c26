import fc from 'fast-check';
import type { Pdu } from '../../src/index.ts';

export const u8 = fc.integer({ min: 0, max: 0xff });
export const u16 = fc.integer({ min: 0, max: 0xffff });
export const u32 = fc.integer({ min: 0, max: 0xffffffff });
const flag = fc.boolean();
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const upTo = (max: number) => fc.integer({ min: 0, max });

export const data = fc.uint8Array({ maxLength: 300 });
const lun = octets(8);
const commandNumbers = { cmdSn: u32, expStatSn: u32 };
const statusNumbers = { statSn: u32, expCmdSn: u32, maxCmdSn: u32 };
const tags = { lun, initiatorTaskTag: u32, targetTransferTag: u32 };
const loginFlags = { transit: flag, continue: flag, csg: upTo(3), nsg: upTo(3) };
const session = { isid: octets(6), tsih: u16, initiatorTaskTag: u32 };

/**
 * Every type of PDU with every value that its fields can hold. Written from the RFC's diagrams, not from
 * the layouts.
 */
export const pduArbitraries: { readonly [T in Pdu['type']]: fc.Arbitrary<Pdu & { type: T }> } = {
  'nop-out': fc.record({ type: fc.constant('nop-out'), immediate: flag, ...tags, ...commandNumbers, data }),
  'scsi-command': fc
    .record({
      type: fc.constant('scsi-command'),
      immediate: flag,
      final: flag,
      read: flag,
      write: flag,
      attribute: upTo(7),
      priority: upTo(15),
      lun,
      initiatorTaskTag: u32,
      expectedDataTransferLength: u32,
      ...commandNumbers,
      cdb: fc.oneof(octets(16), fc.uint8Array({ minLength: 17, maxLength: 260 })),
      data,
    })
    .chain((command) =>
      fc.oneof(
        fc.constant(command),
        u32.map((bidirectionalReadLength) => ({ ...command, bidirectionalReadLength })),
      ),
    ),
  'task-management-request': fc.record({
    type: fc.constant('task-management-request'),
    immediate: flag,
    function: upTo(127),
    lun,
    initiatorTaskTag: u32,
    referencedTaskTag: u32,
    ...commandNumbers,
    refCmdSn: u32,
    expDataSn: u32,
  }),
  'login-request': fc.record({
    type: fc.constant('login-request'),
    ...loginFlags,
    versionMax: u8,
    versionMin: u8,
    ...session,
    cid: u16,
    ...commandNumbers,
    data,
  }),
  'text-request': fc.record({
    type: fc.constant('text-request'),
    immediate: flag,
    final: flag,
    continue: flag,
    ...tags,
    ...commandNumbers,
    data,
  }),
  'data-out': fc.record({
    type: fc.constant('data-out'),
    final: flag,
    ...tags,
    expStatSn: u32,
    dataSn: u32,
    bufferOffset: u32,
    data,
  }),
  'logout-request': fc.record({
    type: fc.constant('logout-request'),
    immediate: flag,
    reason: upTo(127),
    initiatorTaskTag: u32,
    cid: u16,
    ...commandNumbers,
  }),
  snack: fc.record({
    type: fc.constant('snack'),
    snackType: upTo(15),
    ...tags,
    expStatSn: u32,
    begRun: u32,
    runLength: u32,
  }),
  'nop-in': fc.record({ type: fc.constant('nop-in'), ...tags, ...statusNumbers, data }),
  'scsi-response': fc.record({
    type: fc.constant('scsi-response'),
    bidirectionalOverflow: flag,
    bidirectionalUnderflow: flag,
    overflow: flag,
    underflow: flag,
    response: u8,
    status: u8,
    statusQualifier: u16,
    initiatorTaskTag: u32,
    snackTag: u32,
    ...statusNumbers,
    expDataSn: u32,
    bidirectionalResidualCount: u32,
    residualCount: u32,
    data,
  }),
  'task-management-response': fc.record({
    type: fc.constant('task-management-response'),
    response: u8,
    additionalResponse: fc.nat(0xffffff),
    initiatorTaskTag: u32,
    ...statusNumbers,
  }),
  'login-response': fc.record({
    type: fc.constant('login-response'),
    ...loginFlags,
    versionMax: u8,
    versionActive: u8,
    ...session,
    ...statusNumbers,
    statusClass: u8,
    statusDetail: u8,
    data,
  }),
  'text-response': fc.record({
    type: fc.constant('text-response'),
    final: flag,
    continue: flag,
    ...tags,
    ...statusNumbers,
    data,
  }),
  'data-in': fc.record({
    type: fc.constant('data-in'),
    final: flag,
    acknowledge: flag,
    overflow: flag,
    underflow: flag,
    hasStatus: flag,
    status: u8,
    ...tags,
    ...statusNumbers,
    dataSn: u32,
    bufferOffset: u32,
    residualCount: u32,
    data,
  }),
  'logout-response': fc.record({
    type: fc.constant('logout-response'),
    response: u8,
    initiatorTaskTag: u32,
    ...statusNumbers,
    time2Wait: u16,
    time2Retain: u16,
  }),
  r2t: fc.record({
    type: fc.constant('r2t'),
    ...tags,
    ...statusNumbers,
    r2tSn: u32,
    bufferOffset: u32,
    desiredDataTransferLength: u32,
  }),
  'async-message': fc.record({
    type: fc.constant('async-message'),
    lun,
    ...statusNumbers,
    asyncEvent: u8,
    asyncVCode: u8,
    parameter1: u16,
    parameter2: u16,
    parameter3: u16,
    data,
  }),
  reject: fc.record({ type: fc.constant('reject'), reason: u8, ...statusNumbers, dataSn: u32, data }),
};

/** Any PDU. */
export const anyPdu: fc.Arbitrary<Pdu> = fc.oneof(...(Object.values(pduArbitraries) as fc.Arbitrary<Pdu>[]));
