import { MemoryDevice } from '@lunbox/block';
import { IscsiSession, systemSeams, type ScsiRequest } from '@lunbox/iscsi-initiator';
import { TaskManagementFunction } from '@lunbox/iscsi-pdu';
import { IscsiServer } from '@lunbox/iscsi-target';
import {
  AdditionalSenseCode,
  buildControlPage,
  buildModeParameters,
  INQUIRY,
  LogicalUnit,
  MODE_SELECT_6,
  parseStandardInquiry,
  parseSupportedTmf,
  READ_10,
  REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS as REPORT_SUPPORTED_TMF,
  ScsiTarget,
  Status,
  TEST_UNIT_READY,
  WRITE_10,
} from '@lunbox/scsi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const NAME = 'iqn.2026-11.io.lunbox:aca-test';
const NACA = 0x04;
const TUR: ScsiRequest = { lun: 0, cdb: TEST_UNIT_READY.encode() };
const FAILS_WITH_NACA = READ_10.encode({
  LOGICAL_BLOCK_ADDRESS: 0xffff_ffff,
  TRANSFER_LENGTH: 1,
  CONTROL: NACA,
});

/** Memory whose reads of its first block end when they are let. */
class GatedDevice extends MemoryDevice {
  readonly #gated: (() => void)[] = [];

  override async read(into: readonly Uint8Array[], offset: number): Promise<void> {
    if (offset === 0) await new Promise<void>((resolve) => this.#gated.push(resolve));
    return super.read(into, offset);
  }

  get stuck(): boolean {
    return this.#gated.length > 0;
  }

  goOn(): void {
    for (const go of this.#gated.splice(0)) go();
  }
}

let device: GatedDevice;
let unit: LogicalUnit;
let server: IscsiServer;
let portal: Awaited<ReturnType<IscsiServer['listen']>>;
const sessions: IscsiSession[] = [];

async function open(): Promise<IscsiSession> {
  const session = new IscsiSession({ portal, targetName: NAME }, systemSeams());
  sessions.push(session);
  await session.open();
  await session.command(TUR);
  return session;
}

async function statusOf(session: IscsiSession, request: Partial<ScsiRequest> = {}): Promise<number> {
  return (await session.command({ ...TUR, ...request })).status;
}

async function fault(session: IscsiSession): Promise<void> {
  const failed = await session.command({ lun: 0, cdb: FAILS_WITH_NACA, read: [new Uint8Array(512)] });
  expect(failed.sense).toMatchObject(AdditionalSenseCode.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE);
}

const clearAca = (session: IscsiSession) =>
  session.manage({ function: TaskManagementFunction.CLEAR_ACA, lun: 0 });

async function selectControl(session: IscsiSession, fields: object): Promise<void> {
  const page = buildControlPage({ QUEUE_ALGORITHM_MODIFIER: 1, ...fields });
  const list = buildModeParameters(6, { deviceSpecific: 0, longLba: false, pages: [page] });
  const cdb = MODE_SELECT_6.encode({ PF: 1, PARAMETER_LIST_LENGTH: list.length });
  await session.execute({ lun: 0, cdb, write: [list] });
}

const readAt = (lba: number, into = new Uint8Array(512)): ScsiRequest => ({
  lun: 0,
  cdb: READ_10.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: 1 }),
  read: [into],
});

beforeEach(async () => {
  device = new GatedDevice({ size: 1 << 20 });
  const scsi = new ScsiTarget();
  unit = new LogicalUnit({ device, identity: new Uint8Array(16).fill(3) });
  scsi.addUnit(0, unit);
  server = new IscsiServer({ targets: [{ name: NAME, scsi }] });
  portal = await server.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  device.goOn();
  await Promise.all(sessions.splice(0).map((session) => session.close()));
  await server.close({ timeoutMs: 0 });
});

describe('ACA over iSCSI (SAM-5 5.9, RFC 7143 §10.2)', () => {
  it('is told of by INQUIRY and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS', async () => {
    const session = await open();
    const inquiry = new Uint8Array(96);
    await session.execute({ lun: 0, cdb: INQUIRY.encode({ ALLOCATION_LENGTH: 96 }), read: [inquiry] });
    expect(parseStandardInquiry(inquiry).NORMACA).toBe(1);
    const functions = new Uint8Array(4);
    const cdb = REPORT_SUPPORTED_TMF.encode({ ALLOCATION_LENGTH: 4 });
    await session.execute({ lun: 0, cdb, read: [functions] });
    expect(parseSupportedTmf(functions).CACAS).toBe(1);
  });

  it('blocks the faulted nexus and the others, lets the ACA attribute through, and CLEAR ACA releases', async () => {
    const faulted = await open();
    const other = await open();
    await fault(faulted);
    expect(await statusOf(faulted)).toBe(Status.ACA_ACTIVE);
    expect(await statusOf(other)).toBe(Status.BUSY);
    expect(await statusOf(faulted, { attribute: 'aca' })).toBe(Status.GOOD);
    const block = new Uint8Array(512).fill(5);
    const write = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 9, TRANSFER_LENGTH: 1 });
    expect(await statusOf(faulted, { cdb: write, write: [block] })).toBe(Status.ACA_ACTIVE);
    expect(await statusOf(faulted, { cdb: write, write: [block], attribute: 'aca' })).toBe(Status.GOOD);
    await clearAca(faulted);
    expect(await statusOf(other)).toBe(Status.GOOD);
    const stored = new Uint8Array(512);
    expect((await faulted.command(readAt(9, stored))).status).toBe(Status.GOOD);
    expect(stored).toEqual(block);
  });

  it('blocks a read that is under way, whose data comes after CLEAR ACA', async () => {
    const session = await open();
    await device.write([new Uint8Array(512).fill(8)], 512);
    const gated = session.command(readAt(0));
    await expect.poll(() => device.stuck).toBe(true);
    const into = new Uint8Array(512);
    // It waits for the read before it, and so is in the task set when the condition is established.
    const ordered = session.command({ ...readAt(1, into), attribute: 'ordered' });
    const head = { cdb: FAILS_WITH_NACA, read: [new Uint8Array(512)], attribute: 'head-of-queue' } as const;
    expect(await statusOf(session, head)).toBe(Status.CHECK_CONDITION);
    device.goOn();
    await gated;
    await session.ping();
    expect(into[0]).toBe(0);
    await clearAca(session);
    expect((await ordered).status).toBe(Status.GOOD);
    expect(into[0]).toBe(8);
  });

  it.each<[string, (faulted: IscsiSession) => Promise<unknown>]>([
    ['CLEAR ACA', clearAca],
    ['the end of the session', (faulted) => faulted.close()],
    [
      'the failure of a command with the ACA attribute',
      (faulted) => statusOf(faulted, { ...readAt(0xffff_ffff), attribute: 'aca' }),
    ],
  ])('blocks what other sessions have under way, until %s', async (_, end) => {
    const faulted = await open();
    const other = await open();
    const gated = other.command(readAt(0));
    await expect.poll(() => device.stuck).toBe(true);
    const ordered = other.command({ ...readAt(1), attribute: 'ordered' });
    await other.ping();
    const head = { cdb: FAILS_WITH_NACA, read: [new Uint8Array(512)], attribute: 'head-of-queue' } as const;
    expect(await statusOf(faulted, head)).toBe(Status.CHECK_CONDITION);
    device.goOn();
    await gated;
    expect(await statusOf(other)).toBe(Status.BUSY);
    await end(faulted);
    expect((await ordered).status).toBe(Status.GOOD);
    expect(await statusOf(other)).toBe(Status.GOOD);
    expect(unit.tasks.activeCount).toBe(0);
  });

  it('does not keep ABORT TASK from ending a command that it blocks', async () => {
    const session = await open();
    const gated = session.command(readAt(0));
    await expect.poll(() => device.stuck).toBe(true);
    const abort = new AbortController();
    const ordered = session.command({ ...readAt(1), attribute: 'ordered', signal: abort.signal });
    const head = { cdb: FAILS_WITH_NACA, read: [new Uint8Array(512)], attribute: 'head-of-queue' } as const;
    expect(await statusOf(session, head)).toBe(Status.CHECK_CONDITION);
    device.goOn();
    await gated;
    abort.abort();
    await expect(ordered).rejects.toMatchObject({ code: 'INITIATOR_ABORTED' });
    expect(await statusOf(session)).toBe(Status.ACA_ACTIVE);
    await session.manage({ function: TaskManagementFunction.ABORT_TASK_SET, lun: 0 });
    await clearAca(session);
    expect(await statusOf(session)).toBe(Status.GOOD);
  });

  it('ends with the session of the faulted nexus, and with a reset', async () => {
    const faulted = await open();
    const other = await open();
    await fault(faulted);
    await faulted.close();
    expect(await statusOf(other)).toBe(Status.GOOD);
    await fault(other);
    await other.resetUnit(0);
    expect(await statusOf(other)).toBe(Status.CHECK_CONDITION);
    expect(await statusOf(other)).toBe(Status.GOOD);
  });

  it('QERR 01b aborts what other sessions have under way, and they hear of it', async () => {
    const failing = await open();
    const other = await open();
    await selectControl(failing, { QERR: 1 });
    await other.command(TUR);
    const abort = new AbortController();
    const silent = other.command({ ...readAt(0), signal: abort.signal });
    const aborted = expect(silent).rejects.toMatchObject({ code: 'INITIATOR_ABORTED' });
    await expect.poll(() => device.stuck).toBe(true);
    const fails = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0xffff_ffff, TRANSFER_LENGTH: 1 });
    expect(await statusOf(failing, { cdb: fails, read: [new Uint8Array(512)] })).toBe(Status.CHECK_CONDITION);
    device.goOn();
    // TAS is 0: the command ends without status, and its initiator takes it back.
    const next = await other.command(TUR);
    expect(next.sense).toMatchObject(AdditionalSenseCode.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
    abort.abort();
    await aborted;
    expect(await statusOf(other)).toBe(Status.GOOD);
  });
});
