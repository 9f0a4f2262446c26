import { SeededRandom } from '@lunbox/block';
import { IscsiSession, systemSeams, type ScsiResult } from '@lunbox/iscsi-initiator';
import { AdditionalSenseCode, SenseKey, Status, TEST_UNIT_READY } from '@lunbox/scsi';

/** Which initiator port a {@link ScsiClient} is, and where it goes. */
export interface ScsiClientOptions {
  readonly host: string;
  readonly port: number;
  readonly iqn: string;
  /** Name and ISID follow from it: the same number is the same initiator port each time. */
  readonly initiator: number;
}

/** What came of a command. */
export interface ScsiReply extends ScsiResult {
  readonly data: Uint8Array;
}

/** How a write ends for which there is no space (SBC-3 4.7.3.6). */
export const noSpace = {
  status: Status.CHECK_CONDITION,
  sense: {
    senseKey: SenseKey.DATA_PROTECT,
    ...AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
  },
};

/** Our initiator, sending CDBs and telling whatever comes back, unit attentions too. */
export class ScsiClient {
  readonly session: IscsiSession;

  private constructor(session: IscsiSession) {
    this.session = session;
  }

  /** Logs in. The unit attention of the power on is still to come, and perhaps others. */
  static async open({ host, port, iqn, initiator }: ScsiClientOptions): Promise<ScsiClient> {
    const session = new IscsiSession(
      {
        portal: { host, port },
        targetName: iqn,
        initiatorName: `iqn.2026-11.io.lunbox:client-${initiator}`,
        reconnect: { timeoutMs: 0 },
      },
      { ...systemSeams(), random: new SeededRandom(initiator) },
    );
    await session.open();
    return new ScsiClient(session);
  }

  /** Logs in, and hears every unit attention. */
  static async ready(options: ScsiClientOptions): Promise<ScsiClient> {
    const client = await ScsiClient.open(options);
    while ((await client.send(TEST_UNIT_READY.encode())).status !== Status.GOOD);
    return client;
  }

  /** Sends a command with data, or for up to 64 KiB of it; to LUN 0 when no other is said. */
  async send(cdb: Uint8Array, dataOut?: Uint8Array, lun = 0): Promise<ScsiReply> {
    const buffer = new Uint8Array(65_536);
    const data = dataOut === undefined ? { read: [buffer] } : { write: [dataOut] };
    const result = await this.session.command({ lun, cdb, ...data });
    return { ...result, data: buffer.subarray(0, result.receivedBytes) };
  }

  /** Logs out. */
  async close(): Promise<void> {
    await this.session.close();
  }
}
