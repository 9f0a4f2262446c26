import { beforeEach, describe, expect, it } from 'vitest';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { COMMAND_CHANNEL, TargetEngine, type CommandTrace } from '../../src/index.ts';
import { CommandTracer } from '../../src/shell/command-trace.ts';
import { LatencyHistogram } from '../../src/trace/latency-histogram.ts';
import { Statistics } from '../../src/trace/statistics.ts';
import { INITIATOR_NAME, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

describe('latency histogram', () => {
  it('has buckets of powers of two, in microseconds', () => {
    const histogram = new LatencyHistogram();
    for (const latencyMs of [0, 0.0009, 0.001, 0.003, 1, 1e12]) histogram.record(latencyMs);
    const used = histogram.buckets().filter(({ count }) => count > 0);
    expect(used).toEqual([
      { belowUs: 1, count: 2 },
      { belowUs: 2, count: 1 },
      { belowUs: 4, count: 1 },
      { belowUs: 1024, count: 1 },
      { belowUs: 2 ** 31, count: 1 },
    ]);
  });

  it('an empty one has no buckets', () => {
    expect(new LatencyHistogram().buckets()).toEqual([]);
  });
});

describe('statistics of SCSI commands', () => {
  let scsi: ScriptedScsi;
  let statistics: Statistics;
  let initiator: TestInitiator;

  beforeEach(async () => {
    scsi = new ScriptedScsi();
    statistics = new Statistics();
    const observer = new CommandTracer(statistics);
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi }], {}, { observer });
    initiator = new TestInitiator(engine);
    await initiator.login();
  });

  it('count reads, writes, failures and bytes by session, LUN and operation code', async () => {
    await initiator.send(initiator.read10(0, 4));
    await initiator.send(initiator.write10(0, 1, { data: new Uint8Array(512) }));
    await initiator.send(initiator.read10(0xffffff, 1));
    const { sessions, luns, opcodes } = statistics.snapshot();
    const sums = { succeeded: 2, failed: 1, aborted: 0, readBytes: 2048, writtenBytes: 512 };
    const who = { tsih: 1, initiatorName: INITIATOR_NAME, targetName: TARGET_NAME };
    expect(sessions).toMatchObject([{ ...who, ...sums }]);
    expect(luns).toMatchObject([{ targetName: TARGET_NAME, lun: 0, ...sums }]);
    expect(opcodes).toMatchObject([
      { opcode: 0x28, succeeded: 1, failed: 1, readBytes: 2048, writtenBytes: 0 },
      { opcode: 0x2a, succeeded: 1, failed: 0, readBytes: 0, writtenBytes: 512 },
    ]);
    const counted = sessions[0]!.latency.reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(3);
  });

  it('count an aborted command when it is over, and keep nothing of a session that ended', async () => {
    scsi.held = true;
    await initiator.send(initiator.read10(0, 1));
    initiator.connection.disconnected();
    scsi.release();
    await initiator.settle();
    const { sessions, luns } = statistics.snapshot();
    expect(sessions).toEqual([]);
    expect(luns).toMatchObject([{ lun: 0, succeeded: 0, aborted: 1, latency: [] }]);
  });

  it('every command that is over is published while somebody listens', async () => {
    const heard: CommandTrace[] = [];
    const listen = (message: unknown): void => void heard.push(message as CommandTrace);
    subscribe(COMMAND_CHANNEL, listen);
    await initiator.send(initiator.read10(8, 2));
    unsubscribe(COMMAND_CHANNEL, listen);
    await initiator.send(initiator.read10(8, 2));
    expect(heard).toHaveLength(1);
    const [trace] = heard;
    expect(trace).toMatchObject({ tsih: 1, initiatorName: INITIATOR_NAME, status: 0, movedBytes: 1024 });
    expect(trace!.cdb[0]).toBe(0x28);
    expect(trace!.latencyMs).toBeGreaterThanOrEqual(0);
  });
});
