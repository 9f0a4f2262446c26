import {
  AdditionalSenseCode,
  INQUIRY,
  parsePortGroups,
  READ_10,
  REPORT_TARGET_PORT_GROUPS,
  SenseKey,
  Status,
  TEST_UNIT_READY,
  type AccessState,
  type AdditionalSense,
} from '@lunbox/scsi';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Finished } from '../support/processes.ts';
import { ScsiClient } from '../support/scsi-client.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const READ = READ_10.encode({ TRANSFER_LENGTH: 1 });
// In every access state it is answered.
const REPORT = REPORT_TARGET_PORT_GROUPS.encode({ ALLOCATION_LENGTH: 255 });
const good = { status: Status.GOOD };
const check = (senseKey: number, code: AdditionalSense) => ({
  status: Status.CHECK_CONDITION,
  sense: { senseKey, ...code },
});
const CHANGED = check(SenseKey.UNIT_ATTENTION, AdditionalSenseCode.ASYMMETRIC_ACCESS_STATE_CHANGED);

interface ControlStatus {
  readonly portals: readonly string[];
  readonly targets: readonly {
    readonly luns: readonly { readonly portGroups: readonly { group: number; state: string }[] }[];
  }[];
}

describe.skipIf(process.platform === 'win32')('lunbox control alua, with two paths to a disk', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;
  let paths: ScsiClient[] = [];

  const control = (...args: string[]): Promise<Finished> =>
    lunbox(['control', directory.file('control.sock'), ...args]);
  const status = async (): Promise<ControlStatus> =>
    JSON.parse((await control('status')).stdout) as ControlStatus;
  const states = async (): Promise<(readonly [number, string])[]> => {
    const { targets } = await status();
    return targets[0]!.luns[0]!.portGroups.map(({ group, state }) => [group, state] as const);
  };
  /** Every path hears of a change once. */
  const everyPathHears = async (): Promise<void> => {
    for (const path of paths) {
      expect(await path.send(REPORT)).toMatchObject(CHANGED);
    }
  };
  const set = async (group: number, state: AccessState, ...more: string[]): Promise<void> => {
    const { output, status: exit } = await control('alua', String(group), state, ...more);
    expect(exit, output).toBe(0);
  };

  beforeAll(async () => {
    directory = makeTempDirectory('alua');
    const serveFlags = ['--portal', '127.0.0.1:0,2', '--control', directory.file('control.sock')];
    target = await startLunbox({ directory: directory.path, sizeBytes: 1 << 20, serveFlags });
    const { portals } = await status();
    for (const portal of portals) {
      const port = Number(/:(\d+)/.exec(portal)?.[1]);
      paths.push(await ScsiClient.ready({ ...target, port, initiator: 1 }));
    }
  });

  afterAll(async () => {
    await Promise.all(paths.map((path) => path.close()));
    paths = [];
    expect(await target.stop()).toBe(0);
    directory.remove();
  });

  it('shows both groups, active and optimized, in status', async () => {
    expect(paths).toHaveLength(2);
    expect(await states()).toEqual([
      [1, 'active/optimized'],
      [2, 'active/optimized'],
    ]);
  });

  it.each<[AccessState, number, object]>([
    ['active/non-optimized', 0x1, good],
    ['standby', 0x2, check(SenseKey.NOT_READY, AdditionalSenseCode.TARGET_PORT_IN_STANDBY_STATE)],
    ['unavailable', 0x3, check(SenseKey.NOT_READY, AdditionalSenseCode.TARGET_PORT_IN_UNAVAILABLE_STATE)],
    ['transitioning', 0xf, { status: Status.BUSY }],
    ['active/optimized', 0x0, good],
  ])('%s: every path hears of it, tells the same, and the other one works', async (state, code, outcome) => {
    await set(2, state);
    expect(await states()).toEqual([
      [1, 'active/optimized'],
      [2, state],
    ]);
    await everyPathHears();
    const [first, second] = paths as [ScsiClient, ScsiClient];
    const reports = [await first.send(REPORT), await second.send(REPORT)];
    expect(reports).toMatchObject([good, good]);
    expect(Buffer.compare(reports[0]!.data, reports[1]!.data)).toBe(0);
    expect(parsePortGroups(reports[0]!.data)).toMatchObject([
      { TARGET_PORT_GROUP: 1, ASYMMETRIC_ACCESS_STATE: 0, ports: [1] },
      { TARGET_PORT_GROUP: 2, ASYMMETRIC_ACCESS_STATE: code, STATUS_CODE: 2, ports: [2] },
    ]);
    expect(await first.send(READ)).toMatchObject(good);
    expect(await second.send(READ)).toMatchObject(outcome);
    expect(await second.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }))).toMatchObject(good);
  });

  it('lets an initiator go from one path to the other and back', async () => {
    const [first, second] = paths as [ScsiClient, ScsiClient];
    for (const [lame, well, refused, path] of [
      [1, 2, first, second],
      [2, 1, second, first],
    ] as const) {
      await set(well, 'active/optimized');
      await set(lame, 'unavailable');
      await path.send(TEST_UNIT_READY.encode());
      await refused.send(TEST_UNIT_READY.encode());
      expect(await refused.send(READ)).toMatchObject({ status: Status.CHECK_CONDITION });
      expect(await path.send(READ)).toMatchObject(good);
    }
    await set(2, 'active/optimized', '--lun', '0');
    await everyPathHears();
  });

  it('says nothing when nothing has changed', async () => {
    await set(1, 'active/optimized');
    for (const path of paths) expect(await path.send(TEST_UNIT_READY.encode())).toMatchObject(good);
  });

  it.each([
    ['no group', ['alua'], 2, /alua needs the tag of a portal group/],
    ['no state', ['alua', '2'], 2, /alua needs an access state: active\/optimized, /],
    ['a state that is none', ['alua', '2', 'asleep'], 2, /"state" is one of active\/optimized, /],
    ['a tag that is none', ['alua', '0', 'standby'], 2, /"portalGroup" is a portal group tag, 1 to 65535/],
    ['a group that is not there', ['alua', '3', 'standby'], 1, /there is no portal group 3/],
    ['a LUN that is not there', ['alua', '2', 'standby', '--lun', '1'], 1, /there is no LUN 1/],
    ['the flag of another verb', ['alua', '2', 'standby', '--force'], 2, /--force does not belong to alua/],
  ])('refuses %s, and changes nothing', async (_what, args, exit, message) => {
    const refused = await control(...args);
    expect(refused.output).toMatch(message);
    expect(refused.status).toBe(exit);
    expect((await states()).every(([, state]) => state === 'active/optimized')).toBe(true);
  });
});
