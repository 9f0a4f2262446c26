import { cutBuffers, MemoryDevice, SeededRandom, type BlockDevice } from '@lunbox/block';
import { blockDeviceCompliance } from '@lunbox/block/compliance';
import {
  connectLun,
  IscsiDisk,
  IscsiSession,
  systemSeams,
  type SessionOptions,
  type UrlOptions,
} from '@lunbox/iscsi-initiator';
import { Opcode } from '@lunbox/iscsi-pdu';
import { IscsiServer, type PortalOptions } from '@lunbox/iscsi-target';
import { LogicalUnit, ScsiTarget, WRITE_16 } from '@lunbox/scsi';
import { afterEach, describe, expect, it } from 'vitest';
import { faultyNetwork, type FaultyNetwork, type Spoils } from '../support/faulty-dial.ts';

const NAME = 'iqn.2026-11.io.lunbox:recovery-test';
const MIB = 1 << 20;
const NEVER: Spoils = () => false;

const servers: IscsiServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ timeoutMs: 0 })));
});

interface Served {
  readonly server: IscsiServer;
  readonly portal: PortalOptions;
}

/** A Lunbox of its own, in this process, with `device` as LUN 0. */
async function serve(device: BlockDevice): Promise<Served> {
  const scsi = new ScsiTarget();
  scsi.addUnit(0, new LogicalUnit({ device, identity: new Uint8Array(16).fill(7) }));
  const server = new IscsiServer({ targets: [{ name: NAME, scsi }] });
  servers.push(server);
  return { server, portal: await server.listen({ host: '127.0.0.1', port: 0 }) };
}

/** A disk over a network that does harm, and the network. */
async function connectOver(
  { portal }: Served,
  options: Partial<SessionOptions>,
  spoils = NEVER,
): Promise<{ disk: IscsiDisk; network: FaultyNetwork }> {
  const seams = systemSeams();
  const network = faultyNetwork(seams.dial, spoils);
  const session = new IscsiSession(
    { portal, targetName: NAME, ...options },
    { ...seams, dial: network.dial },
  );
  await session.open();
  return { disk: await IscsiDisk.open({ session, lun: 0, clock: seams.clock }), network };
}

/** `length` bytes that differ from place to place. */
const pattern = (length: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => index * 7 + (index >> 8) + salt);

/** Many writes and then reads of all of it, side by side; `during` runs meanwhile, again and again. */
async function roundTrip(disk: IscsiDisk, bytes: Uint8Array, during?: () => void): Promise<void> {
  const timer = during === undefined ? undefined : setInterval(during, 15);
  const pieces = Array.from({ length: bytes.length / 65_536 }, (_, index) => index * 65_536);
  const back = new Uint8Array(bytes.length);
  try {
    await Promise.all(pieces.map(async (at) => disk.write(cutBuffers([bytes], at, 65_536), at)));
    await Promise.all(pieces.map(async (at) => disk.read(cutBuffers([back], at, 65_536), at)));
  } finally {
    clearInterval(timer);
  }
  expect(Buffer.compare(back, bytes)).toBe(0);
}

describe('a session of several connections with Lunbox (RFC 7143 §4.2)', () => {
  for (const errorRecoveryLevel of [0, 2] as const) {
    blockDeviceCompliance({
      name: `a LUN over four connections, ErrorRecoveryLevel ${errorRecoveryLevel}`,
      test: (name, fn) => it(name, fn),
      create: async () => {
        const memory = new MemoryDevice({ size: 16 * MIB });
        const { portal } = await serve(memory);
        const options: UrlOptions = { connections: 4, errorRecoveryLevel };
        const device = await connectLun({ portal, targetName: NAME, lun: 0, ...options });
        const resize = async (size: number) => {
          const heard = new Promise((resolve) => device.onResize(resolve));
          memory.resize(size);
          await device.read([new Uint8Array(512)], 0);
          await heard;
        };
        return { device, resize, dispose: () => device.close() };
      },
    });
  }

  it('has them all in one session at the target, which gets commands by each', async () => {
    const served = await serve(new MemoryDevice({ size: 16 * MIB }));
    const { disk, network } = await connectOver(served, { connections: 3 });
    await expect.poll(() => served.server.sessions[0]?.remotes).toHaveLength(3);
    await roundTrip(disk, pattern(8 * MIB));
    expect(served.server.sessions).toHaveLength(1);
    expect(network.dialled).toBe(3);
    await disk.close();
    await expect.poll(() => served.server.sessions).toHaveLength(0);
  });

  it('gets and loses connections while commands run', async () => {
    const served = await serve(new MemoryDevice({ size: 16 * MIB }));
    const { disk } = await connectOver(served, { maxConnections: 4 });
    const { session } = disk;
    const moving = roundTrip(disk, pattern(16 * MIB, 1));
    const cids = await Promise.all([session.addConnection(), session.addConnection()]);
    await session.removeConnection(0);
    await session.removeConnection(cids[0]);
    await moving;
    expect(session.connections.map(({ cid }) => cid)).toEqual([cids[1]]);
    expect(served.server.sessions).toMatchObject([{ remotes: [expect.anything()] }]);
    await roundTrip(disk, pattern(MIB, 2));
    await disk.close();
  });

  it('survives the loss of connections, and loses no write', async () => {
    const served = await serve(new MemoryDevice({ size: 16 * MIB }));
    const { disk, network } = await connectOver(served, {
      connections: 3,
      reconnect: { minDelayMs: 5 },
    });
    await expect.poll(() => network.channels).toHaveLength(3);
    let cuts = 0;
    const { tsih } = served.server.sessions[0]!;
    await roundTrip(disk, pattern(8 * MIB, 3), () => {
      if (cuts++ === 0) network.channels[1]?.destroy();
    });
    expect(cuts).toBeGreaterThan(0);
    expect(served.server.sessions[0]?.tsih).toBe(tsih);
    await expect.poll(() => disk.session.connections, { timeout: 10_000 }).toHaveLength(3);
    await disk.close();
  });
});

describe('digest errors between our initiator and Lunbox at ErrorRecoveryLevel 1 (RFC 7143 §7.8)', () => {
  const DATA = { dataDigest: 'required' } as const;

  /** Every so many data segments of the PDUs with one of these opcodes is spoilt. */
  function everyNth(n: number, ...opcodes: number[]): Spoils {
    let seen = 0;
    return (opcode) => opcodes.includes(opcode) && ++seen % n === 0;
  }

  it.each([
    ['Data-In', 5, [Opcode.DATA_IN], {}],
    ['solicited Data-Out', 5, [Opcode.DATA_OUT], { initialR2t: true, immediateData: false }],
    ['unsolicited Data-Out', 5, [Opcode.DATA_OUT], { immediateData: false }],
    ['immediate data', 5, [Opcode.SCSI_COMMAND], { initialR2t: true }],
    ['anything', 7, [Opcode.DATA_IN, Opcode.DATA_OUT, Opcode.SCSI_COMMAND], {}],
  ])('in %s cost no command and no connection', async (_, n, opcodes, keys) => {
    const served = await serve(new MemoryDevice({ size: 8 * MIB }));
    const negotiation = { ...DATA, ...keys, maxReceiveSegmentBytes: 16_384 };
    const spoils = everyNth(n, ...opcodes);
    const { disk, network } = await connectOver(served, { errorRecoveryLevel: 1, negotiation }, spoils);
    expect(disk.session.parameters).toMatchObject({ errorRecoveryLevel: 1, dataDigest: true });
    await roundTrip(disk, pattern(4 * MIB, 4));
    expect(network.spoilt).toBeGreaterThan(5);
    expect(network.dialled).toBe(1);
    await disk.close();
  });

  it('are met though the length of the segments changes all the time', async () => {
    const served = await serve(new MemoryDevice({ size: 8 * MIB }));
    const negotiation = { ...DATA, maxReceiveSegmentBytes: 8192 };
    const options = { errorRecoveryLevel: 1, negotiation } as const;
    const { disk, network } = await connectOver(served, options, everyNth(9, Opcode.DATA_IN));
    const moving = roundTrip(disk, pattern(8 * MIB, 4));
    let over = false;
    void moving.finally(() => (over = true));
    for (let i = 0; !over; i++) {
      await disk.session.changeReceiveSegment([4096, 12_288, 65_536, 2048][i % 4]!);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    await moving;
    expect(network.spoilt).toBeGreaterThan(5);
    expect(network.dialled).toBe(1);
    await disk.close();
  });

  it('in sense data cost no command', async () => {
    const served = await serve(new MemoryDevice({ size: MIB }));
    const spoils = everyNth(1, Opcode.SCSI_RESPONSE);
    let spoilt = false;
    const once: Spoils = (opcode, length) => !spoilt && (spoilt = spoils(opcode, length));
    const { disk, network } = await connectOver(served, { errorRecoveryLevel: 1, negotiation: DATA }, once);
    expect(network.spoilt).toBe(1);
    expect(network.dialled).toBe(1);
    await disk.close();
  });
});

describe('lost connections between our initiator and Lunbox at ErrorRecoveryLevel 2 (RFC 7143 §7.1.4.3)', () => {
  it.each([1, 3])('cost no command of a session with %d of them', async (connections) => {
    const served = await serve(new MemoryDevice({ size: 16 * MIB }));
    const options = { errorRecoveryLevel: 2, connections, reconnect: { minDelayMs: 5 } } as const;
    const { disk, network } = await connectOver(served, options);
    await expect.poll(() => network.channels).toHaveLength(connections);
    const { tsih } = served.server.sessions[0]!;
    const random = new SeededRandom(5);
    let cuts = 0;
    await roundTrip(disk, pattern(16 * MIB, 5), () => {
      const channel = network.channels[random.uint32() % Math.max(1, network.channels.length)];
      if (channel === undefined || disk.session.state !== 'ready' || cuts >= 2) return;
      cuts++;
      channel.destroy();
    });
    expect(cuts).toBeGreaterThan(0);
    expect(served.server.sessions).toMatchObject([{ tsih }]);
    await disk.close();
  });

  it('let every command run once that may not run twice', async () => {
    const memory = new MemoryDevice({ size: 16 * MIB });
    const served = await serve(memory);
    const options = { errorRecoveryLevel: 2, connections: 2, reconnect: { minDelayMs: 5 } } as const;
    const { disk, network } = await connectOver(served, options);
    const bytes = pattern(8 * MIB, 6);
    const blocks = 128;
    const writes = Array.from({ length: bytes.length / (512 * blocks) }, async (_, index) => {
      const cdb = WRITE_16.encode({ LOGICAL_BLOCK_ADDRESS: index * blocks, TRANSFER_LENGTH: blocks });
      const write = cutBuffers([bytes], index * 512 * blocks, 512 * blocks);
      return disk.session.execute({ lun: 0, cdb, write });
    });
    for (let i = 0; i < 3; i++) {
      network.channels.at(-1)?.destroy();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await Promise.all(writes);
    const back = new Uint8Array(bytes.length);
    await memory.read([back], 0);
    expect(Buffer.compare(back, bytes)).toBe(0);
    await disk.close();
  });
});
