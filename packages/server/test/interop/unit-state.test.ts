import {
  AdditionalSenseCode,
  buildCachingPage,
  buildModeParameters,
  buildReserveOutList,
  MODE_SELECT_6,
  MODE_SENSE_6,
  ModePageCode,
  parseCachingPage,
  parseFullReservationStatus,
  parseIdentifyingInformation,
  parseModeParameters,
  parseReservationKeys,
  PR_IN_READ_FULL_STATUS,
  PR_IN_READ_KEYS,
  PR_OUT_CLEAR,
  PR_OUT_REGISTER,
  PR_OUT_RESERVE,
  REPORT_IDENTIFYING_INFORMATION,
  ReservationType,
  SenseKey,
  SET_IDENTIFYING_INFORMATION,
  Status,
  WRITE_10,
  type ReserveOutList,
} from '@lunbox/scsi';
import { StorageObject } from '@lunbox/storage-object';
import { copyFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { requiresTools } from '../support/requires.ts';
import { ScsiClient, type ScsiReply } from '../support/scsi-client.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { listTests, runTestcu } from '../support/testcu.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000 });

const SIZE = 16 << 20;
const KEYS = ['00000000000000a1', '00000000000000b2'] as const;
const good = { status: Status.GOOD };
const conflict = { status: Status.RESERVATION_CONFLICT };

let directory: TempDirectory;
let clients: ScsiClient[] = [];
let targets: TargetUnderTest[] = [];

beforeAll(() => {
  directory = makeTempDirectory('unit-state');
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  for (const target of targets) if (target.running()) await target.kill9();
  [clients, targets] = [[], []];
});

afterAll(() => {
  directory.remove();
});

async function serve(fileName: string, ...serveFlags: string[]): Promise<TargetUnderTest> {
  const target = await startLunbox({ directory: directory.path, fileName, sizeBytes: SIZE, serveFlags });
  targets.push(target);
  return target;
}

async function connect(target: TargetUnderTest, initiator: number): Promise<ScsiClient> {
  const client = await ScsiClient.ready({ ...target, initiator });
  clients.push(client);
  return client;
}

/** The server ends, by its will or not, and is there again. */
async function again(
  target: TargetUnderTest,
  how: 'SIGTERM' | 'SIGKILL',
  name: string,
): Promise<TargetUnderTest> {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
  if (how === 'SIGKILL') await target.kill9();
  else await target.stop();
  return serve(name);
}

function out(client: ScsiClient, cdb: typeof PR_OUT_REGISTER, list: Partial<ReserveOutList>, TYPE = 0) {
  const bytes = buildReserveOutList(list);
  return client.send(cdb.encode({ TYPE, PARAMETER_LIST_LENGTH: bytes.length }), bytes);
}

const register = (client: ScsiClient, from: string, to: string, aptpl = true): Promise<ScsiReply> =>
  out(client, PR_OUT_REGISTER, { key: from, serviceActionKey: to, aptpl });
const NO_KEY = '0'.repeat(16);

async function keys(client: ScsiClient): Promise<readonly string[]> {
  return parseReservationKeys((await client.send(PR_IN_READ_KEYS.encode({ ALLOCATION_LENGTH: 1024 }))).data)
    .keys;
}

const write = (client: ScsiClient): Promise<ScsiReply> =>
  client.send(WRITE_10.encode({ TRANSFER_LENGTH: 1 }), new Uint8Array(512));

/** Two initiators register with APTPL, and the first of them reserves. */
async function reserve(target: TargetUnderTest): Promise<ScsiClient[]> {
  const [a, b] = [await connect(target, 1), await connect(target, 2)];
  expect(await register(a, NO_KEY, KEYS[0])).toMatchObject(good);
  expect(await register(b, NO_KEY, KEYS[1])).toMatchObject(good);
  const { WRITE_EXCLUSIVE } = ReservationType;
  expect(await out(a, PR_OUT_RESERVE, { key: KEYS[0] }, WRITE_EXCLUSIVE)).toMatchObject(good);
  return [a, b];
}

/** What {@link reserve} did holds: of three initiator ports the first alone may write. */
async function isReserved(target: TargetUnderTest): Promise<void> {
  const [a, b, c] = [await connect(target, 1), await connect(target, 2), await connect(target, 3)];
  expect(await keys(c)).toEqual(KEYS);
  expect([await write(a), await write(b), await write(c)]).toMatchObject([good, conflict, conflict]);
  const status = await b.send(PR_IN_READ_FULL_STATUS.encode({ ALLOCATION_LENGTH: 4096 }));
  const { registrations } = parseFullReservationStatus(status.data);
  expect(registrations.map(({ key, holds }) => [key, holds !== undefined])).toEqual([
    [KEYS[0], true],
    [KEYS[1], false],
  ]);
}

describe('persistent reservations with APTPL', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('outlive %s of the server', async (how) => {
    const name = `${how}.lun`;
    let target = await serve(name);
    await reserve(target);
    target = await again(target, how, name);
    await isReserved(target);
    expect(await register(clients[1]!, KEYS[1], KEYS[1], false)).toMatchObject(good);
    target = await again(target, how, name);
    expect(await keys(await connect(target, 2))).toEqual([]);
    expect(await write(clients[0]!)).toMatchObject(good);
    await target.stop();
  });

  it('travel with a copy, are in force where it is read-only, and go when somebody says so', async () => {
    const target = await serve('origin.lun');
    await reserve(target);
    await again(target, 'SIGKILL', 'origin.lun');
    const [origin, copy] = [directory.file('origin.lun'), directory.file('copy.lun')];
    copyFileSync(origin, copy);
    const copied = await serve('copy.lun');
    expect(copied.log()).toMatch(/is a copy of another disk/);
    await isReserved(copied);
    await copied.stop();
    const readOnly = await serve('copy.lun', '--read-only');
    const client = await connect(readOnly, 1);
    expect(await keys(client)).toEqual(KEYS);
    const cleared = await out(client, PR_OUT_CLEAR, { key: KEYS[0] });
    expect(cleared.sense).toMatchObject({
      senseKey: SenseKey.DATA_PROTECT,
      ...AdditionalSenseCode.WRITE_PROTECTED,
    });
    await readOnly.stop();
    const forgotten = await serve('copy.lun', '--forget-state');
    expect(await keys(await connect(forgotten, 3))).toEqual([]);
    await forgotten.stop();
  });

  it('that cannot be read keep the disk from being served, and nothing is changed', async () => {
    const path = directory.file('later.lun');
    const reservations = { aptpl: true, registrations: [], leases: 'of a later version' };
    const object = await StorageObject.create(path, { sizeBytes: SIZE, attributes: { reservations } });
    await object.close();
    const refused = await lunbox(['serve', path, '--portal', '127.0.0.1:0', '--json']);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^lunbox: .*later\.lun: the stored reservations cannot be used: .*--forget-state/,
      ),
    ]);
    expect((await lunbox(['info', path])).stdout).toMatch(/closed in order/);
    expect(JSON.parse((await lunbox(['info', path, '--json'])).stdout)).toMatchObject({
      attributes: { reservations },
    });
    await (await serve('later.lun', '--forget-state')).stop();
    await (await serve('later.lun')).stop();
  });

  it('for which there is no room are refused with INSUFFICIENT REGISTRATION RESOURCES', async () => {
    const path = directory.file('full.lun');
    const attributes = { description: 'x'.repeat(126_800) };
    await (await StorageObject.create(path, { sizeBytes: SIZE, attributes })).close();
    const client = await connect(await serve('full.lun'), 1);
    const refused = await register(client, NO_KEY, KEYS[0]);
    expect(refused.sense).toMatchObject({
      senseKey: SenseKey.ILLEGAL_REQUEST,
      ...AdditionalSenseCode.INSUFFICIENT_REGISTRATION_RESOURCES,
    });
    expect(await register(client, NO_KEY, KEYS[0], false)).toMatchObject(good);
  });
});

describe('what an initiator has saved', () => {
  it('outlives kill -9: mode pages with SP and identifying information, and not what was not saved', async () => {
    let target = await serve('saved.lun');
    const client = await connect(target, 1);
    const select = (pages: readonly Uint8Array[], SP: number): Promise<ScsiReply> => {
      const list = buildModeParameters(6, { deviceSpecific: 0, longLba: false, pages });
      return client.send(MODE_SELECT_6.encode({ PF: 1, SP, PARAMETER_LIST_LENGTH: list.length }), list);
    };
    expect(await select([buildCachingPage({ WCE: 0 })], 1)).toMatchObject(good);
    expect(await select([buildCachingPage({ WCE: 1 })], 0)).toMatchObject(good);
    const label = Buffer.from('volume 7\0');
    const set = { INFORMATION_TYPE: 2, PARAMETER_LIST_LENGTH: label.length };
    expect(await client.send(SET_IDENTIFYING_INFORMATION.encode(set), label)).toMatchObject(good);
    target = await again(target, 'SIGKILL', 'saved.lun');
    const same = await connect(target, 1);
    const sense = MODE_SENSE_6.encode({ PAGE_CODE: ModePageCode.CACHING, ALLOCATION_LENGTH: 255 });
    const { data } = await same.send(sense);
    expect(parseCachingPage(parseModeParameters(6, data).pages[0]!.bytes).WCE).toBe(0);
    const report = REPORT_IDENTIFYING_INFORMATION.encode({ INFORMATION_TYPE: 2, ALLOCATION_LENGTH: 255 });
    expect(Buffer.from(parseIdentifyingInformation((await same.send(report)).data))).toEqual(label);
  });
});

describe.skipIf(!requiresTools('iscsi-test-cu'))('iscsi-test-cu on a container', () => {
  it('passes every test of persistent reservations', async () => {
    const { url } = await serve('testcu.lun');
    const only = ['Prin*', 'Prout*'];
    const results = await runTestcu({ url, only });
    const wanted = (await listTests()).filter((name) => /^Pr(in|out)/.test(name));
    expect(results.map(({ family, test }) => `${family}.${test}`)).toEqual(wanted);
    expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
  });
});
