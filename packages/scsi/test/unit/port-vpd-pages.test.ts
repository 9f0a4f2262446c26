import { expect, test } from 'vitest';
import {
  INQUIRY,
  ModePagePolicy,
  parseModePagePolicy,
  parseScsiPorts,
  parseVpdPage,
  VpdPage,
} from '../../src/index.ts';
import { hex, Initiator, memoryHarness, TARGET_NAME } from '../support/harness.ts';

async function page(initiator: Initiator, PAGE_CODE: number) {
  return (await initiator.send(INQUIRY.encode({ EVPD: 1, PAGE_CODE, ALLOCATION_LENGTH: 4096 }))).data;
}

test('page 87h says that mode pages are one for all nexuses, byte for byte', async () => {
  const { initiator } = await memoryHarness();
  const data = await page(initiator, VpdPage.MODE_PAGE_POLICY);
  expect(data).toEqual(hex('00 87 0004 3f ff 00 00'));
  expect(parseModePagePolicy(parseVpdPage(data).body)).toMatchObject([
    { POLICY_PAGE_CODE: 0x3f, MLUS: 0, MODE_PAGE_POLICY: ModePagePolicy.SHARED },
  ]);
});

test('page 88h names every port, used or not, the same on every path (T-W3)', async () => {
  const { initiator, target } = await memoryHarness();
  target.addPort({ relativePort: 9, targetName: TARGET_NAME, portalGroupTag: 9 });
  const second = new Initiator(target, 'other', 7);
  const third = new Initiator(target, 'third', 7);
  const data = await page(initiator, VpdPage.SCSI_PORTS);
  expect(await page(second, VpdPage.SCSI_PORTS)).toEqual(data);
  const ports = parseScsiPorts(parseVpdPage(data).body);
  expect(ports.map(({ relativePort }) => relativePort)).toEqual([1, 7, 9]);
  const [name] = ports[1]!.designators;
  expect(Buffer.from(name!.value).toString('utf8').replaceAll('\0', '')).toBe(`${TARGET_NAME},t,0x0007`);
  second.nexus.close();
  third.nexus.close();
  const left = parseScsiPorts(parseVpdPage(await page(initiator, VpdPage.SCSI_PORTS)).body);
  expect(left.map(({ relativePort }) => relativePort)).toEqual([1, 7, 9]);
});
