import {
  AdditionalSenseCode,
  buildFormatList,
  buildOverwriteList,
  FORMAT_UNIT,
  READ_10,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  SenseKey,
  Status,
  TEST_UNIT_READY,
  type AdditionalSense,
} from '@lunbox/scsi';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ScsiClient } from '../support/scsi-client.ts';
import { startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000 });

const SIZE = 64 << 20;
const good = { status: Status.GOOD };
const failed = (code: AdditionalSense) => ({
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.MEDIUM_ERROR, ...code },
});
const SANITIZE_FAILED = failed(AdditionalSenseCode.SANITIZE_COMMAND_FAILED);
const FORMAT_CORRUPTED = failed(AdditionalSenseCode.MEDIUM_FORMAT_CORRUPTED);
const READ = READ_10.encode({ TRANSFER_LENGTH: 1 });

let directory: TempDirectory;
const targets: TargetUnderTest[] = [];

beforeAll(() => {
  directory = makeTempDirectory('unfinished');
});

afterEach(async () => {
  for (const target of targets.splice(0)) if (target.running()) await target.kill9();
});

afterAll(() => {
  directory.remove();
});

/** Serves a disk to one initiator, which has heard of the power on. */
async function serve(fileName: string): Promise<{ target: TargetUnderTest; client: ScsiClient }> {
  const target = await startLunbox({ directory: directory.path, fileName, sizeBytes: SIZE });
  targets.push(target);
  const client = await ScsiClient.open({ ...target, initiator: 1 });
  for (;;) {
    const { sense } = await client.send(TEST_UNIT_READY.encode());
    if (sense?.senseKey !== SenseKey.UNIT_ATTENTION) return { target, client };
  }
}

/** Sends a command that goes on in the background, and kills the server as soon as it is answered. */
async function cutOff(fileName: string, cdb: Uint8Array, list: Uint8Array): Promise<ScsiClient> {
  const { target, client } = await serve(fileName);
  expect(await client.send(cdb, list)).toMatchObject(good);
  await target.kill9();
  await client.close();
  return (await serve(fileName)).client;
}

describe('kill -9 of the server', () => {
  it.each([
    ['restricted', 0],
    ['unrestricted', 1],
  ])('in the middle of a SANITIZE in %s mode leaves one that has failed', async (mode, AUSE) => {
    const list = buildOverwriteList({ invert: false, test: 0, count: 31, pattern: Buffer.from('x') });
    const cdb = SANITIZE_OVERWRITE.encode({ IMMED: 1, AUSE, PARAMETER_LIST_LENGTH: list.length });
    const client = await cutOff(`${mode}.lun`, cdb, list);
    expect(await client.send(READ)).toMatchObject(SANITIZE_FAILED);
    const exited = await client.send(SANITIZE_EXIT_FAILURE_MODE.encode());
    if (AUSE === 1) {
      expect(exited).toMatchObject(good);
    } else {
      expect(exited.sense).toMatchObject({ senseKey: SenseKey.ILLEGAL_REQUEST });
      expect(await client.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(good);
    }
    const { status, data } = await client.send(READ);
    expect(status).toBe(Status.GOOD);
    if (AUSE === 0) expect(data.every((byte) => byte === 0)).toBe(true);
    await client.close();
  });

  it('in the middle of a FORMAT UNIT leaves a format that is corrupted', async () => {
    const initialization = { secure: false, type: 1, pattern: Buffer.from('x') };
    const list = buildFormatList({ immediate: true, formatOptionsValid: true, initialization }, false);
    const client = await cutOff('format.lun', FORMAT_UNIT.encode({ FMTDATA: 1 }), list);
    expect(await client.send(READ)).toMatchObject(FORMAT_CORRUPTED);
    expect(await client.send(FORMAT_UNIT.encode())).toMatchObject(good);
    expect(await client.send(READ)).toMatchObject(good);
    await client.close();
  });
});

it('a SANITIZE that has ended well is one after kill -9, too', async () => {
  const { target, client } = await serve('done.lun');
  expect(await client.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(good);
  await target.kill9();
  await client.close();
  const again = await serve('done.lun');
  expect(await again.client.send(READ)).toMatchObject(good);
  await again.client.close();
});
