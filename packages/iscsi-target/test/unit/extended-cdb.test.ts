import { MemoryDevice } from '@lunbox/block';
import { serializePdu, type ScsiCommandPdu } from '@lunbox/iscsi-pdu';
import { LogicalUnit, parseSense, ScsiTarget, TEST_UNIT_READY, WRITE_SAME_32 } from '@lunbox/scsi';
import { describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ofType } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const BLOCK = Uint8Array.from({ length: 512 }, (_, at) => at);
const CDB = WRITE_SAME_32.encode({ LOGICAL_BLOCK_ADDRESS: 2, NUMBER_OF_LOGICAL_BLOCKS: 3 });

/** A session with a device server, or with a disk of 64 blocks. */
async function open(scsi: ScriptedScsi | ScsiTarget, keys: Record<string, string> = {}) {
  const initiator = new TestInitiator(new TargetEngine([{ name: TARGET_NAME, scsi }]));
  await initiator.login({ keys });
  return initiator;
}

async function openDisk() {
  const device = new MemoryDevice({ size: 64 * 512 });
  const target = new ScsiTarget();
  target.addUnit(0, new LogicalUnit({ device, identity: new Uint8Array(16).fill(7) }));
  const initiator = await open(target);
  await initiator.send(initiator.command([...TEST_UNIT_READY.encode()]));
  return { initiator, device };
}

const writeSame = (initiator: TestInitiator, cdb: Uint8Array): ScsiCommandPdu => {
  const lengthBytes = BLOCK.length;
  return initiator.command([], { cdb, write: true, expectedDataTransferLength: lengthBytes, data: BLOCK });
};

describe('a CDB in an Extended CDB AHS (RFC 7143 §11.2.2.3)', () => {
  it.each(['None', 'CRC32C'])(
    'comes to the device server whole, with header digest %s',
    async (HeaderDigest) => {
      const scsi = new ScriptedScsi();
      const initiator = await open(scsi, { HeaderDigest });
      const cdbs = [17, 18, 32, 33, 260].map((length) => Uint8Array.from({ length }, (_, at) => at || 0x7f));
      for (const cdb of cdbs) {
        expect(await initiator.send(initiator.command([], { cdb }))).toMatchObject([{ status: 0 }]);
      }
      expect(scsi.executed).toEqual(cdbs);
    },
  );

  it('is carried out with its immediate data', async () => {
    const { initiator, device } = await openDisk();
    expect(await initiator.send(writeSame(initiator, CDB))).toMatchObject([{ status: 0 }]);
    const stored = new Uint8Array(512);
    await device.read([stored], 4 * 512);
    expect(stored).toEqual(BLOCK);
    expect(device.allocatedBytes).toBeGreaterThan(0);
  });

  it.each([
    ['of 16 bytes, without the AHS', CDB.slice(0, 16)],
    ['of 17 bytes', CDB.slice(0, 17)],
    ['of 31 bytes', CDB.slice(0, 31)],
    [
      'whose ADDITIONAL CDB LENGTH is too small',
      Uint8Array.from(CDB, (byte, at) => (at === 7 ? 0x10 : byte)),
    ],
    [
      'whose ADDITIONAL CDB LENGTH is too large',
      Uint8Array.from(CDB, (byte, at) => (at === 7 ? 0x20 : byte)),
    ],
  ])('%s is an invalid field at ADDITIONAL CDB LENGTH, and nothing is written', async (_what, cdb) => {
    const { initiator, device } = await openDisk();
    const [response] = ofType(await initiator.send(writeSame(initiator, cdb)), 'scsi-response');
    expect(response).toMatchObject({ status: 2 });
    expect(parseSense(response!.data.subarray(2))).toMatchObject({
      senseKey: 5,
      asc: 0x24,
      fieldPointer: { inCdb: true, byteOffset: 7 },
    });
    expect(device.allocatedBytes).toBe(0);
  });

  it('that runs past the header breaks the format: the session ends, and nothing is carried out', async () => {
    const scsi = new ScriptedScsi();
    const initiator = await open(scsi);
    const command = initiator.command([], { cdb: CDB });
    const bytes = serializePdu(command, { header: false, data: false });
    // AHSLength is in the first two bytes after the header.
    bytes[49] = 200;
    expect(await initiator.sendBytes(bytes)).toEqual([]);
    expect(initiator.transport.destroyed).toBe(true);
    expect(scsi.executed).toEqual([]);
  });
});
