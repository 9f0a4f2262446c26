import { MemoryDevice, type BlockDevice } from '@lunbox/block';
import { blockDeviceCompliance } from '@lunbox/block/compliance';
import {
  ChapAlgorithm,
  connectLun,
  discoverTargets,
  IscsiSession,
  systemSeams,
  type IscsiDisk,
  type ScsiRequest,
  type SessionOptions,
  type UrlOptions,
} from '@lunbox/iscsi-initiator';
import {
  ChapSecret,
  IscsiServer,
  type AccessEntry,
  type IscsiServerOptions,
  type PortalOptions,
} from '@lunbox/iscsi-target';
import { LogicalUnit, READ_16, ScsiTarget } from '@lunbox/scsi';
import { afterEach, describe, expect, it } from 'vitest';

const NAME = 'iqn.2026-11.io.lunbox:initiator-test';
const MIB = 1 << 20;

interface Served {
  readonly server: IscsiServer;
  readonly portal: PortalOptions;
  readonly scsi: ScsiTarget;
}

const servers: IscsiServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ timeoutMs: 0 })));
});

/** A Lunbox of its own, in this process, with `device` as LUN 0. */
async function serve(
  device: BlockDevice,
  options: Omit<IscsiServerOptions, 'targets'> & { access?: readonly AccessEntry[]; port?: number } = {},
): Promise<Served> {
  const { access, port = 0, ...rest } = options;
  const scsi = new ScsiTarget();
  scsi.addUnit(0, new LogicalUnit({ device, identity: new Uint8Array(16).fill(9) }));
  const targets = [{ name: NAME, scsi, ...(access === undefined ? {} : { access }) }];
  const server = new IscsiServer({ targets, ...rest });
  servers.push(server);
  return { server, scsi, portal: await server.listen({ host: '127.0.0.1', port }) };
}

const connect = ({ portal }: Served, more: UrlOptions = {}): Promise<IscsiDisk> =>
  connectLun({ portal, targetName: NAME, lun: 0, ...more });

/** `length` bytes that differ from place to place. */
const pattern = (length: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => index * 7 + (index >> 8) + salt);

async function roundTrip(disk: IscsiDisk): Promise<void> {
  const bytes = pattern(2 * MIB);
  const back = new Uint8Array(bytes.length);
  await disk.write([bytes.subarray(0, 100_001), bytes.subarray(100_001)], 4096);
  await disk.read([back.subarray(0, 5), back.subarray(5)], 4096);
  expect(Buffer.compare(back, bytes)).toBe(0);
}

describe('our initiator and Lunbox', () => {
  for (const digests of ['none', 'required'] as const) {
    blockDeviceCompliance({
      name: `a LUN of Lunbox, digests ${digests}`,
      test: (name, fn) => it(name, fn),
      create: async () => {
        const memory = new MemoryDevice({ size: 16 * MIB });
        const device = await connect(await serve(memory), {
          negotiation: { headerDigest: digests, dataDigest: digests },
        });
        const resize = async (size: number) => {
          const heard = new Promise((resolve) => device.onResize(resolve));
          memory.resize(size);
          // The next command meets the unit attention.
          await device.read([new Uint8Array(512)], 0);
          await heard;
        };
        return { device, resize, dispose: () => device.close() };
      },
    });
  }

  it.each([
    ['all data solicited', { initialR2t: true, immediateData: false }],
    ['immediate data only', { initialR2t: true }],
    ['unsolicited Data-Out only', { immediateData: false }],
    ['short bursts', { maxBurstBytes: 8192, firstBurstBytes: 4096, maxOutstandingR2t: 1 }],
    ['short segments', { maxReceiveSegmentBytes: 1000 }],
  ] as const)('move data with %s', async (_, negotiation) => {
    const disk = await connect(await serve(new MemoryDevice({ size: 4 * MIB })), { negotiation });
    await roundTrip(disk);
    await disk.close();
  });

  it('find each other by SendTargets', async () => {
    const { portal } = await serve(new MemoryDevice({ size: MIB }));
    const found = await discoverTargets({ portal }, systemSeams());
    expect(found).toEqual([{ name: NAME, portals: [{ ...portal, portalGroupTag: 1 }] }]);
  });
});

describe('CHAP between our initiator and Lunbox', () => {
  const chap = { name: 'reader', secret: 'a secret of 96 bits' };
  const mutual = { name: 'the-target', secret: 'its own other secret' };
  const access: AccessEntry = {
    initiator: '*',
    chap: { user: chap.name, secrets: [new ChapSecret(chap.secret)] },
    mutual: { user: mutual.name, secret: new ChapSecret(mutual.secret) },
  };

  it.each(Object.entries(ChapAlgorithm))('works with %s, both ways', async (_, algorithm) => {
    const served = await serve(new MemoryDevice({ size: 4 * MIB }), { access: [access] });
    const disk = await connect(served, { chap: { ...chap, mutual, algorithms: [algorithm] } });
    await roundTrip(disk);
    await disk.close();
  });

  it('refuses a wrong secret, and no secret', async () => {
    const served = await serve(new MemoryDevice({ size: MIB }), { access: [access] });
    const refused = { code: 'INITIATOR_LOGIN_REFUSED', detail: { statusClass: 2, statusDetail: 1 } };
    const wrong = { ...chap, secret: 'another secret of 96 bits' };
    await expect(connect(served, { chap: wrong })).rejects.toMatchObject(refused);
    await expect(connect(served)).rejects.toMatchObject(refused);
  });
});

describe('a session of our initiator that loses its connection', () => {
  it('comes back to a target that was away, and loses no write', async () => {
    const memory = new MemoryDevice({ size: 16 * MIB });
    const first = await serve(memory);
    const disk = await connect(first, { reconnect: { minDelayMs: 10 } });
    const bytes = pattern(8 * MIB, 1);
    const writing = disk.write([bytes], 0);
    await first.server.close({ timeoutMs: 0 });
    const second = await serve(memory, { port: first.portal.port });
    await writing;
    const back = new Uint8Array(bytes.length);
    await disk.read([back], 0);
    expect(Buffer.compare(back, bytes)).toBe(0);
    expect(second.server.sessions).toHaveLength(1);
    await disk.close();
  });

  it('gives up after its time, and says what the last try met', async () => {
    const first = await serve(new MemoryDevice({ size: MIB }));
    const disk = await connect(first, { reconnect: { minDelayMs: 5, maxDelayMs: 20, timeoutMs: 100 } });
    await first.server.close({ timeoutMs: 0 });
    const read = disk.read([new Uint8Array(512)], 0);
    await expect(read).rejects.toMatchObject({
      code: 'BLOCK_IO',
      cause: { code: 'INITIATOR_UNREACHABLE' },
    });
    expect(disk.session.state).toBe('failed');
    await expect(disk.close()).rejects.toMatchObject({ code: 'BLOCK_IO' });
  });

  it('follows the redirect of a target that drains', async () => {
    const memory = new MemoryDevice({ size: 4 * MIB });
    const [front, back] = [await serve(memory), await serve(memory)];
    const disk = await connect(front);
    const drained = front.server.drain({ redirectTo: `127.0.0.1:${back.portal.port}` });
    await roundTrip(disk);
    await drained;
    await roundTrip(disk);
    expect(disk.session.portal.port).toBe(back.portal.port);
    await disk.close();
  });

  it('moves a live session to another portal on demand', async () => {
    const old = new MemoryDevice({ size: 4 * MIB });
    const restored = new MemoryDevice({ size: 4 * MIB });
    const [from, to] = [await serve(old), await serve(restored)];
    await restored.write([pattern(512, 5)], 0);
    const disk = await connect(from);
    const before = disk.write([pattern(512, 3)], 0);
    await disk.session.redirect(to.portal);
    await before;
    const [here, there] = [new Uint8Array(512), new Uint8Array(512)];
    await disk.read([there], 0);
    await old.read([here], 0);
    expect([...there]).toEqual([...pattern(512, 5)]);
    expect([...here]).toEqual([...pattern(512, 3)]);
    expect(from.server.sessions).toHaveLength(0);
    await disk.close();
  });
});

describe('a command of our initiator', () => {
  /** A device whose reads end when the test says so. */
  class StuckDevice extends MemoryDevice {
    readonly #stuck: (() => void)[] = [];

    override read(into: readonly Uint8Array[], offset: number): Promise<void> {
      return new Promise((resolve) => this.#stuck.push(() => resolve(super.read(into, offset))));
    }

    /** True once a read is waiting. */
    get stuck(): boolean {
      return this.#stuck.length > 0;
    }

    goOn(): void {
      for (const go of this.#stuck.splice(0)) go();
    }
  }

  const readBlock = { lun: 0, cdb: READ_16.encode({ TRANSFER_LENGTH: 1 }) };

  async function openStuck(options: Partial<SessionOptions> = {}) {
    const device = new StuckDevice({ size: MIB });
    const { portal } = await serve(device);
    const session = new IscsiSession({ portal, targetName: NAME, ...options }, systemSeams());
    await session.open();
    // The unit attention of a new session goes to the first command.
    await session.command({ lun: 0, cdb: new Uint8Array(6) });
    const read = (more: Partial<ScsiRequest> = {}) =>
      session.execute({ ...readBlock, read: [new Uint8Array(512)], ...more });
    const untilStuck = () => expect.poll(() => device.stuck).toBe(true);
    return { session, device, read, untilStuck };
  }

  it('is aborted at the target by its AbortSignal', async () => {
    const { session, device, read, untilStuck } = await openStuck();
    const abort = new AbortController();
    const refused = expect(read({ signal: abort.signal })).rejects.toMatchObject({
      code: 'INITIATOR_ABORTED',
      cause: { message: 'no longer wanted' },
    });
    await untilStuck();
    abort.abort(new Error('no longer wanted'));
    await session.ping();
    // The target answers ABORT TASK when nothing of the command is at work any more.
    device.goOn();
    await refused;
    await session.close();
  });

  it('is aborted when it takes longer than it may', async () => {
    const { session, device, read } = await openStuck();
    const late = { code: 'INITIATOR_TIMEOUT', detail: { timeoutMs: 50 } };
    const refused = expect(read({ timeoutMs: 50 })).rejects.toMatchObject(late);
    setTimeout(() => device.goOn(), 600);
    await refused;
    await session.close();
  });

  it('that cannot even be aborted costs the connection, and no more', async () => {
    const { session, read } = await openStuck({ abortTimeoutMs: 100 });
    await expect(read({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: 'INITIATOR_ABORTED',
    });
    await session.ping();
    expect(session.state).toBe('ready');
    await session.close();
  });

  it('ends with the reset of its logical unit', async () => {
    const { session, device, read, untilStuck } = await openStuck();
    const ended = expect(read()).rejects.toMatchObject({ code: 'INITIATOR_ABORTED' });
    await untilStuck();
    const reset = session.resetUnit(0);
    await session.ping();
    device.goOn();
    await reset;
    await ended;
    await session.close();
  });

  it('that fails tells the sense data', async () => {
    const { portal } = await serve(new MemoryDevice({ size: MIB }));
    const session = new IscsiSession({ portal, targetName: NAME }, systemSeams());
    await session.open();
    await session.command({ lun: 0, cdb: new Uint8Array(6) });
    const cdb = READ_16.encode({ LOGICAL_BLOCK_ADDRESS: 2 ** 40, TRANSFER_LENGTH: 1 });
    await expect(session.execute({ lun: 0, cdb, read: [new Uint8Array(512)] })).rejects.toMatchObject({
      code: 'INITIATOR_CHECK_CONDITION',
      detail: { sense: { senseKey: 5, asc: 0x21, ascq: 0 } },
    });
    await session.close();
  });
});
