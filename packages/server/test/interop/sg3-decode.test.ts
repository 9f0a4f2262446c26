import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settle } from '../../bench/disk.ts';
import { Initiator } from '../../bench/initiator.ts';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { startTarget, targetKindUnderTest } from '../support/start-target.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const kind = targetKindUnderTest();

describe.skipIf(!requiresTools('sg_inq', 'sg_vpd'))(
  'sg3-utils decode the data that identifies the disk',
  () => {
    let directory: TempDirectory;
    let target: TargetUnderTest;
    let initiator: Initiator;

    beforeAll(async () => {
      directory = makeTempDirectory('sg3');
      target = await startTarget(kind, { directory: directory.path });
      initiator = await Initiator.connect(target);
      await settle(initiator);
    });

    afterAll(async () => {
      await initiator.logout();
      await target.stop();
      directory.remove();
    });

    /** INQUIRY (SPC-5 6.7); `page` asks for a vital product data page. */
    const inquiry = (length: number, page?: number): Promise<Buffer> =>
      initiator.command([0x12, page === undefined ? 0 : 1, page ?? 0, length >> 8, length & 0xff, 0], length);

    const decode = async (tool: string, data: Buffer, ...args: string[]): Promise<string> => {
      const file = directory.file('answer.bin');
      writeFileSync(file, data);
      const result = await run(tool, [...args, '--raw', '--raw', `--inhex=${file}`]);
      expect(result.status, result.output).toBe(0);
      expect(result.stderr).toBe('');
      return result.stdout;
    };

    it('standard INQUIRY data', async () => {
      const text = await decode('sg_inq', await inquiry(255));
      expect(text).toContain('PDT=0');
      expect(text).toContain('Resp_data_format=2');
      expect(text).toContain('CmdQue=1');
    });

    it('supported VPD pages, in ascending order', async () => {
      const data = await inquiry(255, 0x00);
      const pages = [...data.subarray(4)];
      expect(pages).toEqual(pages.toSorted((a, b) => a - b));
      const text = await decode('sg_vpd', data, '--page=sv');
      for (const name of ['Unit serial number', 'Device identification', 'Block limits'])
        expect(text).toContain(name);
    });

    it('unit serial number', async () => {
      expect(await decode('sg_vpd', await inquiry(255, 0x80), '--page=sn')).toMatch(
        /Unit serial number: *\S+/,
      );
    });

    it.skipIf(kind === 'tgtd')(
      'device identification: one locally unique NAA designator and the target port',
      async () => {
        const text = await decode('sg_vpd', await inquiry(1024, 0x83), '--page=di');
        expect(text).toContain('Addressed logical unit');
        expect(text).toMatch(/designator type: NAA/);
        expect(text).toContain('Target port');
        expect(text).not.toMatch(/bad|expected|truncated|too short/i);
      },
    );

    it.skipIf(kind === 'tgtd')('block limits: UNMAP is bounded', async () => {
      const text = await decode('sg_vpd', await inquiry(64, 0xb0), '--page=bl');
      expect(text).toMatch(/Maximum unmap LBA count: *\d+/);
      expect(text).toMatch(/Maximum unmap block descriptor count: *\d+/);
    });

    it('logical block provisioning: thin, with UNMAP and WRITE SAME', async () => {
      const text = await decode('sg_vpd', await inquiry(64, 0xb2), '--page=lbpv');
      expect(text).toMatch(/Unmap command supported \(LBPU\): 1/);
      expect(text).toMatch(/Write same \(16\) with unmap bit supported \(LBPWS\): 1/);
      expect(text).toMatch(/Provisioning type: 2/);
    });
  },
);
