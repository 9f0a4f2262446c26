import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodePdu, describe as describePdu, describeLong, encodeText } from '../../src/index.ts';
import { anyPdu } from '../support/arbitraries.ts';
import { capturedStreams } from '../support/captures.ts';
import { Recorder } from '../support/recorder.ts';

function describeAll(name: string): string[] {
  const stream = capturedStreams.find((candidate) => candidate.name === name)!;
  const recorder = new Recorder();
  recorder.headerDigestFrom = stream.headerDigestFrom;
  recorder.framer.push(stream.bytes);
  return recorder.pdus.map(({ header, data }) => describePdu(decodePdu(header, data)));
}

it('one line tells what a session did', () => {
  expect(describeAll('libiscsi-tools #0 initiator')).toEqual([
    'Login Request: Transit, ITT 0x6d43f82f, CSG 0x01 operational negotiation, NSG 0x03 full ' +
      'feature phase, TSIH 0x0000, CID 0, CmdSN 586693714, ExpStatSN 1, ISID 80df6c0b0000, 395 B ' +
      'of data, InitiatorName=iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-ls ' +
      'SessionType=Discovery HeaderDigest=None DataDigest=None InitialR2T=No ImmediateData=Yes ' +
      'MaxBurst…',
    'Text Request: Immediate, Final, ITT 0x6d43f830, CmdSN 586693714, ExpStatSN 1, 16 B of data, SendTargets=All',
    'Logout Request: Immediate, ITT 0x6d43f831, Reason 0x00 close session, CID 0, CmdSN 586693714, ExpStatSN 2',
  ]);
  expect(describeAll('qemu-header-digest #0 target').slice(1, 4)).toEqual([
    'SCSI Response: ITT 0x2fe95cc6, Status 0x02, StatSN 1, ExpCmdSN 1885232526, MaxCmdSN 1885232654, 20 B of data',
    'SCSI Response: ITT 0x2fe95cc7, Status 0x00, StatSN 2, ExpCmdSN 1885232527, MaxCmdSN 1885232655',
    'SCSI Data-In: Final, Status, ITT 0x2fe95cc8, Status 0x00, Buffer Offset 0, DataSN 0, ' +
      'StatSN 3, ExpCmdSN 1885232528, MaxCmdSN 1885232656, 64 B of data',
  ]);
});

it('the long form has a line for every field, and dumps data', () => {
  const statusNumbers = { statSn: 7, expCmdSn: 8, maxCmdSn: 40 };
  const header = Uint8Array.from({ length: 48 }, (_, i) => i + 40);
  const reject = { type: 'reject', reason: 4, ...statusNumbers, dataSn: 0, data: header } as const;
  expect(describeLong(reject)).toMatchInlineSnapshot(`
    "Reject
      Flags              none
      Reason             0x04 protocol error
      DataSN             0
      StatSN             7
      ExpCmdSN           8
      MaxCmdSN           40
      DataSegmentLength  48 B
        0x0000  28 29 2a 2b 2c 2d 2e 2f 30 31 32 33 34 35 36 37  ()*+,-./01234567
        0x0010  38 39 3a 3b 3c 3d 3e 3f 40 41 42 43 44 45 46 47  89:;<=>?@ABCDEFG
        0x0020  48 49 4a 4b 4c 4d 4e 4f 50 51 52 53 54 55 56 57  HIJKLMNOPQRSTUVW"
  `);
});

it('whatever a peer sends, one line stays one line', () => {
  const text = fc.array(fc.tuple(fc.constantFrom('A', 'Bc'), fc.string({ unit: 'binary' })));
  fc.assert(
    fc.property(anyPdu, text, (pdu, pairs) => {
      const clean = pairs.map(([key, value]) => [key, value.replaceAll('\0', '')] as const);
      const spoken = 'data' in pdu ? { ...pdu, data: encodeText(clean) } : pdu;
      // eslint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(describePdu(spoken)).not.toMatch(/[\u0000-\u001f\u007f\u2028\u2029]/);
      expect(describePdu(pdu)).not.toBe('');
      expect(describeLong(pdu).split('\n').length).toBeGreaterThan(2);
    }),
  );
});
