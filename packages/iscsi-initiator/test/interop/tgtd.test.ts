import { blockDeviceCompliance } from '@lunbox/block/compliance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ChapAlgorithm,
  connectLun,
  discoverTargets,
  systemSeams,
  type LunOptions,
  type UrlOptions,
} from '../../src/index.ts';
import { hasTgtd, Tgtd } from '../support/tgtd.ts';

const NAME = 'iqn.2026-01.example.reference';
const MIB = 1 << 20;

describe.skipIf(!hasTgtd())('against tgtd', () => {
  let tgtd: Tgtd;
  let open: number;

  beforeAll(async () => {
    tgtd = await Tgtd.start();
    open = await tgtd.addTarget(`${NAME}:open`);
  });

  afterAll(() => tgtd.stop());

  /** Connects, writes a pattern, reads it back, closes. */
  async function roundTrip(targetName: string, lun: number, more: UrlOptions): Promise<void> {
    const options: LunOptions = { portal: tgtd.portal, targetName, lun, ...more };
    const disk = await connectLun(options);
    try {
      const bytes = Uint8Array.from({ length: MIB + 512 }, (_, index) => index * 7 + (index >> 8));
      const back = new Uint8Array(bytes.length);
      await disk.write([bytes.subarray(0, 70_001), bytes.subarray(70_001)], 512, { fua: true });
      await disk.read([back.subarray(0, 3), back.subarray(3)], 512);
      expect(Buffer.compare(back, bytes)).toBe(0);
    } finally {
      await disk.close();
    }
  }

  describe('as a block device', () => {
    blockDeviceCompliance({
      name: 'a LUN of tgtd',
      test: (name, fn) => it(name, fn),
      create: async () => {
        const lun = await tgtd.addDisk(open, 16 * MIB);
        const device = await connectLun({ portal: tgtd.portal, targetName: `${NAME}:open`, lun });
        const dispose = async () => {
          await device.close();
          await tgtd.removeDisk(open, lun);
        };
        return { device, dispose };
      },
    });
  });

  it('makes do with its one connection and no error recovery, whatever is asked for', async () => {
    const lun = await tgtd.addDisk(open, 4 * MIB);
    await roundTrip(`${NAME}:open`, lun, { connections: 3, errorRecoveryLevel: 2 });
    await tgtd.removeDisk(open, lun);
  });

  it('finds the targets of a portal by SendTargets', async () => {
    const found = await discoverTargets({ portal: tgtd.portal }, systemSeams());
    expect(found).toContainEqual({
      name: `${NAME}:open`,
      portals: [{ ...tgtd.portal, portalGroupTag: 1 }],
    });
  });

  it.each([
    ['unsolicited data', { InitialR2T: 'No', FirstBurstLength: '65536' }, {}],
    ['only solicited data', { ImmediateData: 'No' }, { initialR2t: true, immediateData: false }],
    ['long segments', { MaxRecvDataSegmentLength: '262144', MaxBurstLength: '1048576' }, {}],
    [
      'both digests',
      { HeaderDigest: 'CRC32C,None', DataDigest: 'CRC32C,None' },
      { headerDigest: 'required', dataDigest: 'required' },
    ],
  ] as const)('moves data with %s', async (what, keys, negotiation) => {
    const name = `${NAME}:${what.replaceAll(' ', '-')}`;
    const tid = await tgtd.addTarget(name, keys);
    await roundTrip(name, await tgtd.addDisk(tid, 4 * MIB), { negotiation });
  });

  describe('with CHAP', () => {
    let lun: number;
    const chap = { name: 'reader', secret: 'a secret of 96 bits' };
    const mutual = { name: 'the-target', secret: 'its own other secret' };

    beforeAll(async () => {
      const tid = await tgtd.addTarget(`${NAME}:chap`);
      lun = await tgtd.addDisk(tid, 4 * MIB);
      await tgtd.addAccount(tid, chap.name, chap.secret);
      await tgtd.addAccount(tid, mutual.name, mutual.secret, true);
    });

    it('proves itself with MD5', () =>
      roundTrip(`${NAME}:chap`, lun, { chap: { ...chap, algorithms: [ChapAlgorithm.MD5] } }));

    it('T-L4: gets in although tgtd calls SHA-1 what is SHA-256', () =>
      roundTrip(`${NAME}:chap`, lun, { chap }));

    it('lets the target prove itself', () =>
      roundTrip(`${NAME}:chap`, lun, { chap: { ...chap, mutual, algorithms: [ChapAlgorithm.MD5] } }));

    it('leaves a target that has another secret', async () => {
      const wrong = { ...chap, mutual: { secret: 'something else entirely' }, algorithms: [5] };
      const login = roundTrip(`${NAME}:chap`, lun, { chap: wrong });
      await expect(login).rejects.toMatchObject({ code: 'INITIATOR_AUTHENTICATION' });
    });

    it('is refused with a wrong secret, and with none', async () => {
      const wrong = { ...chap, secret: 'another secret of 96 bits', algorithms: [5] };
      const refused = { code: 'INITIATOR_LOGIN_REFUSED', detail: { statusClass: 2 } };
      await expect(roundTrip(`${NAME}:chap`, lun, { chap: wrong })).rejects.toMatchObject(refused);
      await expect(roundTrip(`${NAME}:chap`, lun, {})).rejects.toMatchObject(refused);
    });
  });
});
