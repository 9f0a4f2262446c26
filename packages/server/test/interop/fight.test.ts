import {
  connectLun,
  InitiatorError,
  type IscsiDisk,
  type ScsiRequest,
  type ScsiResult,
} from '@lunbox/iscsi-initiator';
import { IscsiServer, type PortalOptions } from '@lunbox/iscsi-target';
import {
  buildReserveOutList,
  LogicalUnit,
  PR_OUT_PREEMPT_AND_ABORT,
  PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  PR_OUT_RESERVE,
  READ_10,
  ReservationType,
  ScsiTarget,
  Status,
  TEST_UNIT_READY,
  WRITE_10,
  type CdbDefinition,
  type PersistentReserveOutCdb,
} from '@lunbox/scsi';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DawdlingDevice } from '../support/dawdling-device.ts';
import { fightForLock } from '../support/lock-fight.ts';
import { findTool, requiresTools } from '../support/requires.ts';

const NAME = 'iqn.2026-11.io.lunbox:fight';
const BLOCK = 512;
const BLOCKS = 64;
const DEPTH = 16;
const LIMIT_MS = 300_000;

const hasPython = findTool('python3') !== undefined && requiresTools('iscsi-ls');

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe('COMPARE AND WRITE as a lock', () => {
  it.skipIf(!hasPython)(
    'held by one at a time of 6 clients of ours and 2 of libiscsi: no count is lost',
    async () => {
      const { portal } = await serveSlowly();
      const place = { iqn: NAME, lun: 0, ...portal, portal: `${portal.host}:${portal.port}` };
      const { counted, refused } = await fightForLock(place, { own: 6, foreign: 2, roundsEach: 25 });
      expect(counted).toBe(8 * 25);
      expect(refused).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});

/** One slow unit in this process. */
async function serveSlowly(mostMs = 1): Promise<{ portal: PortalOptions }> {
  const device = new DawdlingDevice(BLOCKS * BLOCK, mostMs);
  const scsi = new ScsiTarget();
  scsi.addUnit(0, new LogicalUnit({ device, identity: new Uint8Array(16).fill(3) }));
  const server = new IscsiServer({ targets: [{ name: NAME, scsi }] });
  closing.push(() => server.close({ timeoutMs: 0 }));
  return { portal: await server.listen({ host: '127.0.0.1', port: 0 }) };
}

/** Several clients of it, over sockets. */
async function clientsOfOne(count: number): Promise<IscsiDisk[]> {
  const { portal } = await serveSlowly(8);
  const clients: IscsiDisk[] = [];
  for (let index = 0; index < count; index++) {
    const disk = await connectLun({ portal, targetName: NAME, lun: 0 });
    closing.push(() => disk.session.close());
    clients.push(disk);
  }
  return clients;
}

/** How a command ended: its result, or the code of the error. */
type Ending = { readonly result: ScsiResult } | { readonly code: string };

async function endingOf(disk: IscsiDisk, request: Omit<ScsiRequest, 'lun'>): Promise<Ending> {
  try {
    // Tasks that another initiator aborts end without status (TAS is 0): who sent them has to give up.
    return { result: await disk.session.command({ lun: 0, timeoutMs: 400, ...request }) };
  } catch (error) {
    if (error instanceof InitiatorError) return { code: error.code };
    throw error;
  }
}

/** A block that says who wrote it, and as which write. */
function stamp(owner: number, write: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  for (let at = 0; at < BLOCK; at += 8) {
    block.writeUInt32BE(owner, at);
    block.writeUInt32BE(write, at + 4);
  }
  return block;
}

function writeOf(lba: number, block: Buffer): Omit<ScsiRequest, 'lun'> {
  return { cdb: WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: 1 }), write: [block] };
}

/** Writes `depth` blocks at once, again and again, until it is told to stop; tells how each ended. */
function writeAll(
  disk: IscsiDisk,
  owner: number,
): { readonly endings: readonly Ending[]; stop: () => Promise<Ending[]> } {
  let going = true;
  let writes = 0;
  const endings: Ending[] = [];
  const lanes = Array.from({ length: DEPTH }, async (_, lane) => {
    while (going) {
      const lba = (writes * 7 + lane) % BLOCKS;
      endings.push(await endingOf(disk, writeOf(lba, stamp(owner, ++writes))));
    }
  });
  const stop = async (): Promise<Ending[]> => {
    going = false;
    await Promise.all(lanes);
    return endings;
  };
  return { endings, stop };
}

async function reserveOut(
  disk: IscsiDisk,
  cdb: CdbDefinition<PersistentReserveOutCdb>,
  own: string,
  serviceActionKey = '0',
): Promise<void> {
  const pad = (key: string): string => key.padStart(16, '0');
  const list = buildReserveOutList({ key: pad(own), serviceActionKey: pad(serviceActionKey) });
  const TYPE = ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY;
  const bytes = cdb.encode({ TYPE, PARAMETER_LIST_LENGTH: list.length });
  const send = () => disk.session.command({ lun: 0, cdb: bytes, write: [list], timeoutMs: 10_000 });
  let result = await send();
  while (result.status === Status.CHECK_CONDITION && result.sense?.senseKey === 6) result = await send();
  expect(result.status, cdb.name).toBe(Status.GOOD);
}

/** Takes what is pending. */
async function settle(disk: IscsiDisk): Promise<void> {
  for (let attempt = 0; attempt < 8; attempt++) {
    const { status } = await disk.session.command({ lun: 0, cdb: TEST_UNIT_READY.encode() });
    if (status === Status.GOOD) return;
  }
  throw new Error('unit attentions without end');
}

async function ownersOn(disk: IscsiDisk): Promise<Buffer> {
  const data = Buffer.alloc(BLOCKS * BLOCK);
  const cdb = READ_10.encode({ TRANSFER_LENGTH: BLOCKS });
  await disk.session.execute({ lun: 0, cdb, read: [data] });
  return data;
}

describe('a persistent reservation that is handed over under load', () => {
  it(
    'lets nothing of the loser land after PREEMPT AND ABORT was answered',
    async () => {
      const clients = await clientsOfOne(2);
      for (const [index, client] of clients.entries()) {
        await reserveOut(client, PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, '0', String(index + 1));
      }
      await reserveOut(clients[0]!, PR_OUT_RESERVE, '1');
      for (let round = 0; round < 6; round++) {
        const loserIndex = round % 2;
        const [loser, winner] = [clients[loserIndex]!, clients[1 - loserIndex]!];
        const writing = writeAll(loser, loserIndex + 1);
        await new Promise((resolve) => setTimeout(resolve, 40));
        await settle(winner);
        await reserveOut(winner, PR_OUT_PREEMPT_AND_ABORT, String(2 - loserIndex), String(loserIndex + 1));
        const before = await ownersOn(winner);
        await new Promise((resolve) => setTimeout(resolve, 60));
        const after = await ownersOn(winner);
        expect(Buffer.compare(before, after), `round ${round}`).toBe(0);
        // What was aborted ends for the loser when it gives up; then it hears why.
        await vi.waitUntil(() => writing.endings.some((ending) => refusedByReservation(ending)), LIMIT_MS);
        const endings = await writing.stop();
        expect(endings.some((ending) => 'result' in ending && ending.result.status === Status.GOOD)).toBe(
          true,
        );
        expect(Buffer.compare(await ownersOn(winner), after)).toBe(0);
        await reserveOut(loser, PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, '0', String(loserIndex + 1));
      }
    },
    LIMIT_MS,
  );
});

function refusedByReservation(ending: Ending): boolean {
  return 'result' in ending && ending.result.status === Status.RESERVATION_CONFLICT;
}

describe('LOGICAL UNIT RESET under load', () => {
  it(
    'ends every command once and for certain; blocks are old or new, and nothing lands afterwards',
    async () => {
      const clients = await clientsOfOne(3);
      for (let round = 0; round < 6; round++) {
        const writers = clients.map((client, index) => writeAll(client, 10 * (round + 1) + index));
        await new Promise((resolve) => setTimeout(resolve, 40));
        await clients[round % clients.length]!.session.resetUnit(0);
        const endings = (await Promise.all(writers.map((writer) => writer.stop()))).flat();
        for (const ending of endings) expect(isDefinite(ending), JSON.stringify(ending)).toBe(true);
        expect(endings.some((ending) => 'code' in ending || ending.result.status !== Status.GOOD)).toBe(true);
        for (const client of clients) await settle(client);
        const before = await ownersOn(clients[0]!);
        for (let at = 0; at < before.length; at += BLOCK) {
          const block = before.subarray(at, at + BLOCK);
          expect(Buffer.compare(block, stamp(block.readUInt32BE(0), block.readUInt32BE(4)))).toBe(0);
        }
        await new Promise((resolve) => setTimeout(resolve, 40));
        expect(Buffer.compare(await ownersOn(clients[0]!), before)).toBe(0);
      }
    },
    LIMIT_MS,
  );
});

/** Done, told of the reset, or given up by an abort that the target has answered. */
function isDefinite(ending: Ending): boolean {
  if ('code' in ending) return ['INITIATOR_ABORTED', 'INITIATOR_TIMEOUT'].includes(ending.code);
  const { status, sense } = ending.result;
  return status === Status.GOOD || (status === Status.CHECK_CONDITION && sense?.senseKey === 6);
}
