import { BlockError } from '@lunbox/block';
import { joinSense, type ScsiCommandPdu } from '@lunbox/iscsi-pdu';
import {
  buildBlockLimits,
  buildLogicalBlockProvisioning,
  buildReadCapacity16,
  buildStandardInquiry,
  buildSupportedPages,
  encodeFixedSense,
  READ_16,
  Status,
  UNMAP,
  VpdPage,
  WRITE_SAME_16,
  type BlockLimits,
} from '@lunbox/scsi';
import { describe, expect, it } from 'vitest';
import { IscsiDisk } from '../../src/index.ts';
import { ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const IDENTITY = { vendor: 'TEST', product: 'DISK', revision: '1' };
const BLOCKS = 8192;

/** What differs from a plain thin disk of 4 MiB. */
interface Unit {
  limits?: Partial<BlockLimits>;
  /** Sense that the next media commands end with, one each. */
  failures?: { senseKey: number; asc: number; ascq: number }[];
  blocks?: number;
}

/** The media commands of a disk, and what each was. */
class ScriptedUnit {
  readonly target: ScriptedTarget = new ScriptedTarget();
  readonly media: Uint8Array[] = [];
  blocks: number;
  readonly #unit: Unit;

  constructor(unit: Unit = {}) {
    this.#unit = unit;
    this.blocks = unit.blocks ?? BLOCKS;
    this.target.command = (connection, pdu) => this.#answer(connection, pdu);
  }

  async open(): Promise<IscsiDisk> {
    const session = await this.target.open();
    return IscsiDisk.open({ session, lun: 0, clock: this.target.clock });
  }

  #answer(connection: ScriptedConnection, pdu: ScsiCommandPdu): void {
    const data = this.#inquiryData(pdu.cdb);
    if (data !== undefined) {
      const place = { bufferOffset: 0, dataSn: 0, final: true };
      connection.dataIn(pdu, place, data.subarray(0, pdu.expectedDataTransferLength));
      return;
    }
    if (pdu.cdb[0] === 0) return connection.respond(pdu);
    this.media.push(pdu.cdb);
    const failure = this.#unit.failures?.shift();
    if (failure !== undefined) {
      connection.respond(pdu, Status.CHECK_CONDITION, joinSense(encodeFixedSense(failure)));
    } else if (pdu.read) {
      const length = pdu.expectedDataTransferLength;
      for (let at = 0, dataSn = 0; at < length; at += 262_144, dataSn++) {
        const piece = new Uint8Array(Math.min(262_144, length - at)).fill(dataSn);
        connection.dataIn(pdu, { bufferOffset: at, dataSn, final: at + 262_144 >= length }, piece);
      }
    } else connection.respond(pdu);
  }

  #inquiryData(cdb: Uint8Array): Uint8Array | undefined {
    const { BLOCK_LIMITS, LOGICAL_BLOCK_PROVISIONING } = VpdPage;
    if (cdb[0] === 0x9e) {
      const last = this.blocks - 1;
      const provisioning = { LBPME: 1, LBPRZ: 1 };
      return buildReadCapacity16({
        RETURNED_LOGICAL_BLOCK_ADDRESS: last,
        LOGICAL_BLOCK_LENGTH_IN_BYTES: 512,
        ...provisioning,
      });
    }
    if (cdb[0] === 0x1a) return new Uint8Array(4);
    if (cdb[0] !== 0x12) return undefined;
    if (cdb[1] === 0) return buildStandardInquiry(IDENTITY);
    if (cdb[2] === BLOCK_LIMITS) return buildBlockLimits(this.#unit.limits ?? {});
    if (cdb[2] === LOGICAL_BLOCK_PROVISIONING) {
      return buildLogicalBlockProvisioning({ LBPU: 1, LBPWS: 1 });
    }
    return buildSupportedPages([0, BLOCK_LIMITS, LOGICAL_BLOCK_PROVISIONING]);
  }
}

const transferLengths = (cdbs: Uint8Array[]): number[] =>
  cdbs.map((cdb) => READ_16.decode(cdb).TRANSFER_LENGTH);

describe('limits of a unit', () => {
  it('T-N10: a transfer keeps to the limit of VPD page B0h', async () => {
    const unit = new ScriptedUnit({ limits: { MAXIMUM_TRANSFER_LENGTH: 100 } });
    const disk = await unit.open();
    await disk.read([new Uint8Array(250 * 512)], 0);
    expect(transferLengths(unit.media)).toEqual([100, 100, 50]);
  });

  it('T-N10: and to 512 KiB where there is none', async () => {
    const unit = new ScriptedUnit();
    const disk = await unit.open();
    await disk.read([new Uint8Array(BLOCKS * 512)], 0);
    expect(transferLengths(unit.media)).toEqual(Array.from({ length: 8 }, () => 1024));
  });

  it('T-N2: WRITE SAME is cut to its limit, and to 65 536 blocks where there is none', async () => {
    const blocks = 200_000;
    for (const [limit, first] of [
      [150_000, 150_000],
      [0, 65_536],
    ] as const) {
      const unit = new ScriptedUnit({ blocks, limits: { MAXIMUM_WRITE_SAME_LENGTH: limit } });
      const disk = await unit.open();
      await disk.unmap(0, blocks * 512);
      const commands = unit.media.map((cdb) => WRITE_SAME_16.decode(cdb));
      expect(commands[0]).toMatchObject({ UNMAP: 1, NUMBER_OF_LOGICAL_BLOCKS: first });
      const total = commands.reduce((sum, cdb) => sum + cdb.NUMBER_OF_LOGICAL_BLOCKS, 0);
      expect(total).toBe(blocks);
    }
  });

  it('never trusts UNMAP alone, which is only a hint, where a WRITE SAME can unmap', async () => {
    const limits = { MAXIMUM_UNMAP_LBA_COUNT: 1000, MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT: 1 };
    const unit = new ScriptedUnit({ limits });
    const disk = await unit.open();
    await disk.unmap(512, 512);
    expect(unit.media.map(([opcode]) => opcode)).not.toContain(UNMAP.operationCode);
  });
});

describe('what only fails for the moment', () => {
  it('is tried again: unit attentions at once, an aborted command after a pause', async () => {
    const attention = { senseKey: 6, asc: 0x29, ascq: 0 };
    const aborted = { senseKey: 0xb, asc: 0, ascq: 0 };
    const unit = new ScriptedUnit({ failures: [attention, attention, aborted] });
    const disk = await unit.open();
    const reading = disk.read([new Uint8Array(512)], 0);
    await unit.target.pass(200);
    await reading;
    expect(unit.media).toHaveLength(4);
  });

  it('is given up when it does not end', async () => {
    const attention = { senseKey: 6, asc: 0x29, ascq: 0 };
    const unit = new ScriptedUnit({ failures: Array.from({ length: 50 }, () => attention) });
    const disk = await unit.open();
    await expect(disk.read([new Uint8Array(512)], 0)).rejects.toMatchObject({
      code: 'BLOCK_IO',
      cause: { code: 'INITIATOR_CHECK_CONDITION', detail: { sense: attention } },
    });
  });

  it('T-N4: a changed capacity is read again and announced', async () => {
    const unit = new ScriptedUnit({ failures: [{ senseKey: 6, asc: 0x2a, ascq: 0x09 }] });
    const disk = await unit.open();
    const announced = new Promise((resolve) => disk.onResize(resolve));
    unit.blocks = 2 * BLOCKS;
    await disk.read([new Uint8Array(512)], 0);
    expect(await announced).toBe(2 * BLOCKS * 512);
  });
});

describe('failures of a unit are those of a block device', () => {
  it.each([
    ['BLOCK_NO_SPACE', { senseKey: 7, asc: 0x27, ascq: 0x07 }],
    ['BLOCK_READ_ONLY', { senseKey: 7, asc: 0x27, ascq: 0x00 }],
    ['BLOCK_OUT_OF_RANGE', { senseKey: 5, asc: 0x21, ascq: 0x00 }],
    ['BLOCK_IO', { senseKey: 3, asc: 0x0c, ascq: 0x00 }],
  ])('%s', async (code, sense) => {
    const disk = await new ScriptedUnit({ failures: [sense] }).open();
    const failure: unknown = await Promise.resolve(disk.write([new Uint8Array(512)], 0)).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(BlockError);
    expect(failure).toMatchObject({ code, cause: { detail: { sense } } });
  });
});

describe('a request with an AbortSignal', () => {
  it.each<[string, (disk: IscsiDisk, signal: AbortSignal) => unknown]>([
    ['read', (disk, signal) => disk.read([new Uint8Array(BLOCKS * 512)], 0, { signal })],
    ['write', (disk, signal) => disk.write([new Uint8Array(512)], 0, { signal, fua: true })],
    ['flush', (disk, signal) => disk.flush({ signal })],
    ['unmap', (disk, signal) => disk.unmap(0, 512, { signal })],
    ['writeZeroes', (disk, signal) => disk.writeZeroes(0, 512, { signal })],
    ['extents', (disk, signal) => disk.extents(0, 512, { signal })],
  ])('is given up: %s', async (operation, begin) => {
    const { target, disk } = await stuckDisk();
    const abort = new AbortController();
    const ended = Promise.resolve(begin(disk, abort.signal)).catch((error: unknown) => error);
    await settle();
    const { connection } = target;
    const commands = connection.sent('scsi-command').length;
    abort.abort();
    expect(await ended).toMatchObject({
      code: 'BLOCK_IO',
      data: { operation },
      cause: { code: 'INITIATOR_ABORTED' },
    });
    // Each command that was at work is aborted, and no further one begins.
    expect(connection.sent('task-management-request').length).toBeGreaterThan(0);
    expect(connection.sent('scsi-command')).toHaveLength(commands);
  });

  it('ends in the pause before another try, too; other requests go on', async () => {
    const busy = Array.from({ length: 50 }, () => ({ senseKey: 0xb, asc: 0, ascq: 0 }));
    const unit = new ScriptedUnit({ failures: busy });
    const disk = await unit.open();
    const abort = new AbortController();
    const ended = Promise.resolve(disk.read([new Uint8Array(512)], 0, { signal: abort.signal }));
    const refused = expect(ended).rejects.toMatchObject({ cause: { code: 'INITIATOR_ABORTED' } });
    await settle();
    abort.abort();
    await refused;
    busy.length = 0;
    await disk.read([new Uint8Array(512)], 0);
  });

  /** A disk whose unit has stopped to answer commands. */
  async function stuckDisk() {
    const unit = new ScriptedUnit();
    const disk = await unit.open();
    unit.target.command = () => undefined;
    unit.target.manage = (connection, pdu) => connection.managed(pdu);
    return { target: unit.target, disk };
  }
});
