import type {
  DigestPolicy,
  NegotiationOptions,
  SessionOptions,
  TaskReporting,
} from '@lunbox/iscsi-initiator';
import type { TargetLimits } from '@lunbox/iscsi-target';
import type { Dice } from '../../../../iscsi-target/test/support/dice.ts';
import type { Weather } from './fate.ts';
import type { NetworkPace } from './network.ts';
import type { DeviceTemper } from './simulated-device.ts';

/** What may happen in a kind of histories. */
export interface Profile {
  readonly weather: Weather;
  /** Share of requests that are aborted by their caller, and of task management functions among the rest. */
  readonly aborts: number;
  readonly management: number;
  readonly deviceFailures: number;
  /** Values of ErrorRecoveryLevel that are offered. */
  readonly recoveryLevels: readonly (0 | 1 | 2)[];
  /** Connections of a session. */
  readonly connections: readonly number[];
  /** Share of requests that add a connection or take one away. */
  readonly reshaping: number;
}

/** Everything about one history that is settled before it begins. */
export interface Plan {
  readonly blockCount: number;
  /** Commands that the target takes at most. */
  readonly queueDepth: number;
  readonly limits: Partial<TargetLimits>;
  readonly session: Omit<SessionOptions, 'portal' | 'targetName' | 'initiatorName'>;
  /** What each session wants most. */
  readonly taskReporting: readonly TaskReporting[];
  /** Share of the functions that are those of RFC 7144. */
  readonly level2: number;
  readonly sessions: number;
  readonly requests: number;
  /** Requests are made within this time. */
  readonly spanMs: number;
  readonly weather: Weather;
  readonly pace: NetworkPace;
  readonly temper: DeviceTemper;
  readonly aborts: number;
  readonly management: number;
  readonly reshaping: number;
}

/** Draws a plan; `extras` are dice for what came later, so that older seeds still mean the rest of what they meant. */
export function drawPlan(dice: Dice, extras: Dice, profile: Profile): Plan {
  const weather = dice.chance(0.2) ? { breaks: 0, corrupts: 0, staleLogins: 0 } : profile.weather;
  const queueDepth = 1 + dice.below(12);
  return {
    blockCount: 24,
    queueDepth,
    limits: { ...drawLimits(dice), queueDepth },
    session: {
      ...drawSessionShape(dice, profile),
      negotiation: drawNegotiation(dice, weather.corrupts > 0),
      reconnect: { minDelayMs: 10, maxDelayMs: 200, timeoutMs: 120_000 },
      loginTimeoutMs: 2000,
      commandTimeoutMs: 30_000,
      abortTimeoutMs: 3000,
      pingIntervalMs: 1000,
      pingTimeoutMs: 2000,
    },
    taskReporting: [extras.pick(REPORTING), extras.pick(REPORTING)],
    level2: extras.pick([0, 0.3, 0.6]),
    sessions: dice.chance(0.3) ? 2 : 1,
    requests: 6 + dice.below(13),
    spanMs: dice.pick([20, 200, 1000]),
    weather,
    pace: { maxLatencyMs: dice.pick([0, 2, 30]), maxJitterMs: dice.pick([0, 3, 30]) },
    temper: {
      slow: dice.pick([0, 0.5, 0.9]),
      maxDelayMs: dice.pick([2, 20, 200]),
      failing: dice.chance(0.5) ? profile.deviceFailures : 0,
    },
    aborts: dice.chance(0.5) ? profile.aborts : 0,
    management: dice.chance(0.5) ? profile.management : 0,
    reshaping: dice.chance(0.5) ? profile.reshaping : 0,
  };
}

function drawSessionShape(dice: Dice, { recoveryLevels, connections }: Profile): Partial<SessionOptions> {
  const count = dice.pick(connections);
  return {
    errorRecoveryLevel: dice.pick(recoveryLevels),
    connections: count,
    maxConnections: Math.max(count, dice.pick(connections)),
    time2RetainS: dice.pick([1, 5, 20]),
  };
}

function drawLimits(dice: Dice): Partial<TargetLimits> {
  return {
    sendBacklogBytes: dice.pick([1024, 8192, 2_097_152]),
    maxReceiveSegmentBytes: dice.pick([512, 1024, 8192, 65_536]),
    maxSendSegmentBytes: dice.pick([512, 4096, 65_536]),
    maxBurstBytes: dice.pick([1024, 4096, 65_536]),
    firstBurstBytes: dice.pick([512, 2048, 65_536]),
    maxOutstandingR2t: dice.pick([1, 2, 8]),
    loginTimeoutMs: 3000,
    pingIntervalMs: 1500,
    pingTimeoutMs: 3000,
  };
}

function drawNegotiation(dice: Dice, corrupts: boolean): NegotiationOptions {
  const maxBurstBytes = dice.pick([512, 2048, 3000, 16_384, 262_144]);
  const policy = (): DigestPolicy => (corrupts || dice.chance(0.2) ? dice.pick(POLICIES) : 'none');
  return {
    headerDigest: policy(),
    dataDigest: policy(),
    maxReceiveSegmentBytes: dice.pick([512, 1000, 4096, 65_536]),
    maxBurstBytes,
    firstBurstBytes: Math.min(maxBurstBytes, dice.pick([512, 1024, 5000, 65_536])),
    initialR2t: dice.chance(0.5),
    immediateData: dice.chance(0.5),
    maxOutstandingR2t: dice.pick([1, 2, 8]),
  };
}

const REPORTING = ['FastAbort', 'FastAbort', 'ResponseFence', 'RFC3720'] as const;

const POLICIES: readonly DigestPolicy[] = ['none', 'required', 'preferred'];
