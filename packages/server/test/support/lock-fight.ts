import { fileURLToPath } from 'node:url';
import { connectLun, type IscsiSession } from '@lunbox/iscsi-initiator';
import { COMPARE_AND_WRITE, READ_10, SenseKey, Status, WRITE_10 } from '@lunbox/scsi';
import { runOrThrow } from './processes.ts';
import type { TargetUnderTest } from './target-under-test.ts';

const BLOCK = 512;
/** Block 0 is the lock: 0 when it is free, else the id of its holder. Block 1 is what it protects. */
const LOCK_LBA = 0;
const COUNTER_LBA = 1;
const FREE = 0;

/** Where the lock is. */
export type FightPlace = Pick<TargetUnderTest, 'iqn' | 'lun' | 'host' | 'port' | 'portal'>;

/** What a fight came to. */
export interface FightReport {
  /** What the counter says. */
  readonly counted: number;
  /** How often who wanted the lock found it taken. */
  readonly refused: number;
}

/**
 * Clients of our own and of libiscsi take a lock by COMPARE AND WRITE, count by READ and WRITE while they have it, and
 * give it back: `roundsEach` times each.
 *
 * @throws Error when a lock that is held is not there any more, or a command ends otherwise than it may.
 */
export async function fightForLock(
  target: FightPlace,
  clients: { readonly own: number; readonly foreign: number; readonly roundsEach: number },
): Promise<FightReport> {
  const { own, foreign, roundsEach } = clients;
  const address = {
    targetName: target.iqn,
    lun: target.lun,
    portal: { host: target.host, port: target.port },
  };
  const disks = await Promise.all(Array.from({ length: own }, () => connectLun(address)));
  const foreigners = Array.from({ length: foreign }, (_, index) => {
    return runForeigner(target, own + index + 1, roundsEach);
  });
  try {
    const refusals = await Promise.all([
      ...disks.map(({ session }, index) => new Fighter(session, target.lun, index + 1).count(roundsEach)),
      ...foreigners,
    ]);
    const last = new Fighter(disks[0]!.session, target.lun, own + foreign + 1);
    return { counted: await last.readCounter(), refused: refusals.reduce((sum, each) => sum + each, 0) };
  } finally {
    await Promise.allSettled(foreigners);
    await Promise.all(disks.map(async (disk) => disk.close()));
  }
}

async function runForeigner(target: FightPlace, id: number, rounds: number): Promise<number> {
  const program = fileURLToPath(new URL('lock-fighter.py', import.meta.url));
  const about = [target.portal, target.iqn, target.lun, id, rounds].map(String);
  await runOrThrow('python3', [program, ...about], { timeoutMs: 3_600_000 });
  return 0;
}

class Fighter {
  readonly #session: IscsiSession;
  readonly #lun: number;
  readonly #id: number;

  constructor(session: IscsiSession, lun: number, id: number) {
    this.#session = session;
    this.#lun = lun;
    this.#id = id;
  }

  /** Counts `rounds` times; tells how often the lock was taken. */
  async count(rounds: number): Promise<number> {
    let refused = 0;
    for (let round = 0; round < rounds; round++) {
      while (!(await this.#swap(FREE, this.#id))) refused++;
      await this.#writeCounter((await this.readCounter()) + 1);
      if (!(await this.#swap(this.#id, FREE))) throw new Error(`the lock of ${this.#id} was somebody else's`);
    }
    return refused;
  }

  async readCounter(): Promise<number> {
    const block = Buffer.alloc(BLOCK);
    const cdb = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: COUNTER_LBA, TRANSFER_LENGTH: 1 });
    await this.#session.execute({ lun: this.#lun, cdb, read: [block] });
    return Number(block.readBigUInt64BE(0));
  }

  async #writeCounter(value: number): Promise<void> {
    const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: COUNTER_LBA, TRANSFER_LENGTH: 1 });
    await this.#session.execute({ lun: this.#lun, cdb, write: [blockOf(value)] });
  }

  /** True when the lock was `found` and is `next` now. */
  async #swap(found: number, next: number): Promise<boolean> {
    const cdb = COMPARE_AND_WRITE.encode({ LOGICAL_BLOCK_ADDRESS: LOCK_LBA, NUMBER_OF_LOGICAL_BLOCKS: 1 });
    const write = [blockOf(found), blockOf(next)];
    const { status, sense } = await this.#session.command({ lun: this.#lun, cdb, write });
    if (status === Status.GOOD) return true;
    if (sense?.senseKey === SenseKey.MISCOMPARE) return false;
    throw new Error(`COMPARE AND WRITE: status ${status}, ${JSON.stringify(sense)}`);
  }
}

function blockOf(value: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  for (let at = 0; at < BLOCK; at += 8) block.writeBigUInt64BE(BigInt(value), at);
  return block;
}
