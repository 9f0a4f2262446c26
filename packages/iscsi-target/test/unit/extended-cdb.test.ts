import { serializePdu } from '@lunbox/iscsi-pdu';
import { WRITE_SAME_32 } from '@lunbox/scsi';
import { describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const CDB = WRITE_SAME_32.encode({ LOGICAL_BLOCK_ADDRESS: 2, NUMBER_OF_LOGICAL_BLOCKS: 3 });

async function open(scsi: ScriptedScsi, keys: Record<string, string> = {}) {
  const initiator = new TestInitiator(new TargetEngine([{ name: TARGET_NAME, scsi }]));
  await initiator.login({ keys });
  return initiator;
}

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
