import { describe, expect, it } from 'vitest';
import { decodePdu, decodeText, serializePdu } from '../../src/index.ts';
import type { Pdu } from '../../src/index.ts';
import { capturedStreams } from '../support/captures.ts';
import type { OraclePdu } from '../support/captures.ts';
import { Recorder } from '../support/recorder.ts';

/**
 * Where tshark's opinion on a field is found in our PDU. Names that are not here have no field of their
 * own.
 */
const FIELDS: Record<string, readonly string[]> = {
  I: ['immediate'],
  'scsicommand.F': ['final'],
  'scsicommand.R': ['read'],
  'scsicommand.W': ['write'],
  'scsicommand.attr': ['attribute'],
  'scsicommand.expecteddatatransferlength': ['expectedDataTransferLength'],
  initiatortasktag: ['initiatorTaskTag'],
  targettransfertag: ['targetTransferTag'],
  cmdsn: ['cmdSn'],
  expstatsn: ['expStatSn'],
  statsn: ['statSn'],
  expcmdsn: ['expCmdSn'],
  maxcmdsn: ['maxCmdSn'],
  datasn: ['dataSn'],
  expdatasn: ['expDataSn'],
  r2tsn: ['r2tSn'],
  refcmdsn: ['refCmdSn'],
  bufferOffset: ['bufferOffset'],
  desireddatalength: ['desiredDataTransferLength'],
  'scsiresponse.status': ['status'],
  'scsiresponse.response': ['response'],
  'scsiresponse.o': ['bidirectionalOverflow'],
  'scsiresponse.u': ['bidirectionalUnderflow'],
  'scsiresponse.O': ['overflow'],
  'scsiresponse.U': ['underflow'],
  'scsiresponse.residualcount': ['residualCount'],
  'scsiresponse.bidireadresidualcount': ['bidirectionalResidualCount'],
  'scsidata.F': ['final'],
  'scsidata.A': ['acknowledge'],
  'scsidata.S': ['hasStatus'],
  'scsidata.O': ['overflow'],
  'scsidata.U': ['underflow'],
  'scsidata.readresidualcount': ['residualCount'],
  versionmax: ['versionMax'],
  versionmin: ['versionMin'],
  versionactive: ['versionActive'],
  cid: ['cid'],
  tsih: ['tsih'],
  'login.T': ['transit'],
  'login.C': ['continue'],
  'login.csg': ['csg'],
  'login.nsg': ['nsg'],
  'text.F': ['final'],
  'text.C': ['continue'],
  'taskmanfun.function': ['function'],
  'taskmanfun.response': ['response'],
  'taskmanfun.referencedtasktag': ['referencedTaskTag'],
  'logout.reason': ['reason'],
  'logout.response': ['response'],
  time2wait: ['time2Wait'],
  time2retain: ['time2Retain'],
};

/** Our PDU, in tshark's words, for the fields that tshark names. */
function inOracleTerms(pdu: Pdu, data: Uint8Array, oracle: OraclePdu): OraclePdu {
  const fields = pdu as unknown as Record<string, number | boolean>;
  const told: OraclePdu = {};
  for (const name of Object.keys(oracle)) {
    const [field] = FIELDS[name] ?? [];
    if (field !== undefined) told[name] = Number(fields[field]);
    else if (name === 'datasegmentlength') told[name] = data.length;
    else if (name === 'keyvalue') told[name] = decodeText(data).map((pair) => pair.join('='));
    else if (name === 'login.status') {
      told[name] = ((fields['statusClass'] as number) << 8) | (fields['statusDetail'] as number);
    } else told[name] = oracle[name]!;
  }
  return told;
}

describe.each(capturedStreams)('$name', ({ bytes, pdus, headerDigestFrom }) => {
  const recorder = new Recorder();
  recorder.headerDigestFrom = headerDigestFrom;
  recorder.framer.push(bytes);

  it('is cut into the PDUs that tshark sees, and nothing is left', () => {
    expect(recorder.pdus.map((pdu) => pdu.opcode)).toEqual(pdus.map((pdu) => pdu['opcode']));
    expect(recorder.framer.bufferedBytes).toBe(0);
  });

  it('decodes to the fields that tshark reads', () => {
    for (const [index, oracle] of pdus.entries()) {
      const { header, data } = recorder.pdus[index]!;
      expect(inOracleTerms(decodePdu(header, data), data, oracle)).toEqual(oracle);
    }
  });

  it('serializes back to the bytes that were captured', () => {
    const wire = recorder.pdus.map(({ header, data }, index) => {
      const digest = headerDigestFrom !== null && index >= headerDigestFrom;
      return serializePdu(decodePdu(header, data), { header: digest, data: false });
    });
    expect(Buffer.concat(wire).equals(Buffer.from(bytes))).toBe(true);
  });
});
