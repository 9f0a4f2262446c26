import {
  Keys,
  negotiateKey,
  type KeyAnswer,
  type KeyDefinition,
  type KeyPreference,
} from '@lunbox/iscsi-pdu';
import { DEFAULT_SEGMENT_BYTES, type TargetLimits } from './limits.ts';

/** What a session and its connection work with, after negotiation (RFC 7143 §13). Lengths are bytes, times seconds. */
export interface OperationalParameters {
  headerDigest: boolean;
  dataDigest: boolean;
  maxConnections: number;
  initialR2t: boolean;
  immediateData: boolean;
  /** What this target declared: its own limit for received data segments. */
  receiveSegmentBytes: number;
  /** What the initiator declared: our limit for sent data segments. */
  sendSegmentBytes: number;
  maxBurstBytes: number;
  firstBurstBytes: number;
  defaultTime2Wait: number;
  defaultTime2Retain: number;
  maxOutstandingR2t: number;
  errorRecoveryLevel: number;
  /** iSCSIProtocolLevel (RFC 7144 §7.1.1): 2 allows its task management functions. */
  protocolLevel: number;
}

/** The values in force when nothing is negotiated (RFC 7143 §13, "default is"). */
export function defaultParameters(): OperationalParameters {
  return {
    headerDigest: false,
    dataDigest: false,
    maxConnections: 1,
    initialR2t: true,
    immediateData: true,
    receiveSegmentBytes: DEFAULT_SEGMENT_BYTES,
    sendSegmentBytes: DEFAULT_SEGMENT_BYTES,
    maxBurstBytes: 262_144,
    firstBurstBytes: 65_536,
    defaultTime2Wait: 2,
    defaultTime2Retain: 20,
    maxOutstandingR2t: 1,
    errorRecoveryLevel: 0,
    protocolLevel: 1,
  };
}

/** How one key is answered and where its value goes. */
interface Rule {
  readonly ours: (limits: TargetLimits) => KeyPreference;
  readonly apply: (parameters: OperationalParameters, value: never) => void;
}

function rule<T extends KeyAnswer['value']>(
  ours: (limits: TargetLimits) => KeyPreference,
  apply: (parameters: OperationalParameters, value: T) => void,
): Rule {
  return { ours, apply };
}

/** Every operational key, with what this target prefers. Digests: the initiator's order decides (RFC 7143 §6.2.1). */
const RULES: Readonly<Record<string, Rule>> = {
  HeaderDigest: rule(
    () => ['None', 'CRC32C'],
    (p, value: string) => (p.headerDigest = value === 'CRC32C'),
  ),
  DataDigest: rule(
    () => ['None', 'CRC32C'],
    (p, value: string) => (p.dataDigest = value === 'CRC32C'),
  ),
  MaxConnections: rule(
    (limits) => limits.maxSessionConnections,
    (p, value: number) => (p.maxConnections = value),
  ),
  InitialR2T: rule(
    () => false,
    (p, value: boolean) => (p.initialR2t = value),
  ),
  ImmediateData: rule(
    () => true,
    (p, value: boolean) => (p.immediateData = value),
  ),
  MaxRecvDataSegmentLength: rule(
    () => 0,
    (p, value: number) => (p.sendSegmentBytes = value),
  ),
  MaxBurstLength: rule(
    (limits) => limits.maxBurstBytes,
    (p, value: number) => (p.maxBurstBytes = value),
  ),
  FirstBurstLength: rule(
    (limits) => limits.firstBurstBytes,
    (p, value: number) => (p.firstBurstBytes = value),
  ),
  DefaultTime2Wait: rule(
    () => 2,
    (p, value: number) => (p.defaultTime2Wait = value),
  ),
  // Without connection recovery (ErrorRecoveryLevel 2) no state is worth retaining.
  DefaultTime2Retain: rule(
    () => 0,
    (p, value: number) => (p.defaultTime2Retain = value),
  ),
  MaxOutstandingR2T: rule(
    (limits) => limits.maxOutstandingR2t,
    (p, value: number) => (p.maxOutstandingR2t = value),
  ),
  DataPDUInOrder: rule(
    () => true,
    () => undefined,
  ),
  DataSequenceInOrder: rule(
    () => true,
    () => undefined,
  ),
  ErrorRecoveryLevel: rule(
    (limits) => limits.errorRecoveryLevel,
    (p, value: number) => (p.errorRecoveryLevel = value),
  ),
  TaskReporting: rule(
    () => ['RFC3720'],
    () => undefined,
  ),
  iSCSIProtocolLevel: rule(
    () => 2,
    (p, value: number) => (p.protocolLevel = value),
  ),
};

/** When the negotiation takes place: some keys are only for the login, some only for normal sessions. */
export interface NegotiationContext {
  readonly stage: 'security' | 'operational' | 'full-feature';
  readonly discovery: boolean;
}

/**
 * Answers one operational key and puts its value into `parameters`. Returns the answer's text, or undefined
 * for a declaration, which gets none.
 *
 * A key that the table does not know is `NotUnderstood` (RFC 7143 §6.2); one that is known but has no meaning
 * in this session is `Irrelevant`; one that is not allowed now or has an inadmissible value is `Reject`.
 */
export function negotiateParameter(
  parameters: OperationalParameters,
  limits: TargetLimits,
  context: NegotiationContext,
  name: string,
  offered: string,
): string | undefined {
  const key = Keys.get(name);
  if (key === undefined) return 'NotUnderstood';
  if (key.kind === 'declarative') return undefined;
  const entry = RULES[name];
  if (entry === undefined || !key.stages.includes(context.stage)) return 'Reject';
  if (context.discovery && key.irrelevantWhen.includes('discovery-session')) return 'Irrelevant';
  return answer(parameters, limits, key, entry, offered);
}

function answer(
  parameters: OperationalParameters,
  limits: TargetLimits,
  key: KeyDefinition,
  entry: Rule,
  offered: string,
): string | undefined {
  const outcome = negotiateKey(key, offered, entry.ours(limits));
  if (outcome === 'Reject') return 'Reject';
  entry.apply(parameters, outcome.value as never);
  return key.kind === 'numeric-declarative' ? undefined : outcome.answer;
}

/**
 * Closes a negotiation: FirstBurstLength must not exceed MaxBurstLength (RFC 7143 §13.14), in whatever order
 * and with whatever defaults they came.
 */
export function settleParameters(parameters: OperationalParameters): void {
  parameters.firstBurstBytes = Math.min(parameters.firstBurstBytes, parameters.maxBurstBytes);
}

/**
 * Parameters of a connection that joins a session: what belongs to the connection from its own login, the rest
 * as the leading login settled it (RFC 7143 §13, "scope").
 */
export function joinedParameters(
  session: OperationalParameters,
  login: OperationalParameters,
): OperationalParameters {
  const { headerDigest, dataDigest, receiveSegmentBytes, sendSegmentBytes } = login;
  return { ...session, headerDigest, dataDigest, receiveSegmentBytes, sendSegmentBytes };
}
