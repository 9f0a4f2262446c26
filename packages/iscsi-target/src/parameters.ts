import {
  Keys,
  negotiateKey,
  type KeyAnswer,
  type KeyDefinition,
  type KeyPreference,
} from '@lunbox/iscsi-pdu';
import { DEFAULT_SEGMENT_BYTES, type TargetLimits } from './limits.ts';

/** How ends of tasks are reported (RFC 7143 §13.23). */
export type TaskReporting = 'RFC3720' | 'ResponseFence' | 'FastAbort';

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
  dataPduInOrder: boolean;
  dataSequenceInOrder: boolean;
  errorRecoveryLevel: number;
  taskReporting: TaskReporting;
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
    dataPduInOrder: true,
    dataSequenceInOrder: true,
    errorRecoveryLevel: 0,
    taskReporting: 'RFC3720',
    protocolLevel: 1,
  };
}

/** What an answer depends on. */
interface Basis {
  readonly limits: TargetLimits;
  readonly discovery: boolean;
  /** What is agreed on so far. */
  readonly agreed: OperationalParameters;
}

/** How one key is answered and where its value goes. */
interface Rule {
  readonly ours: (basis: Basis) => KeyPreference;
  readonly apply: (parameters: OperationalParameters, value: never) => void;
}

function rule<T extends KeyAnswer['value']>(
  ours: (basis: Basis) => KeyPreference,
  apply: (parameters: OperationalParameters, value: T) => void,
): Rule {
  return { ours, apply };
}

/** RFC 7143 §13.1. Where digests are required, "None" is not there to be chosen. */
function acceptableDigests({ limits, discovery }: Basis): readonly string[] {
  return limits.requireDigests && !discovery ? ['CRC32C'] : ['None', 'CRC32C'];
}

/** Every operational key, with what this target prefers. Digests: the initiator's order decides (RFC 7143 §6.2.1). */
const RULES: Readonly<Record<string, Rule>> = {
  HeaderDigest: rule(acceptableDigests, (p, value: string) => (p.headerDigest = value === 'CRC32C')),
  DataDigest: rule(acceptableDigests, (p, value: string) => (p.dataDigest = value === 'CRC32C')),
  MaxConnections: rule(
    ({ limits }) => limits.maxSessionConnections,
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
    ({ limits }) => limits.maxBurstBytes,
    (p, value: number) => (p.maxBurstBytes = value),
  ),
  FirstBurstLength: rule(
    // RFC 7143 §13.14: it must not exceed MaxBurstLength.
    ({ limits, agreed }) => Math.min(limits.firstBurstBytes, agreed.maxBurstBytes),
    (p, value: number) => (p.firstBurstBytes = value),
  ),
  DefaultTime2Wait: rule(
    () => 2,
    (p, value: number) => (p.defaultTime2Wait = value),
  ),
  // Without connection recovery (ErrorRecoveryLevel 2) no state is worth retaining.
  DefaultTime2Retain: rule(
    ({ agreed }) => (agreed.errorRecoveryLevel > 1 ? 20 : 0),
    (p, value: number) => (p.defaultTime2Retain = value),
  ),
  MaxOutstandingR2T: rule(
    // RFC 7143 §13.19: recovery of data in order leaves no choice.
    ({ limits, agreed }) =>
      agreed.errorRecoveryLevel > 0 && agreed.dataSequenceInOrder ? 1 : limits.maxOutstandingR2t,
    (p, value: number) => (p.maxOutstandingR2t = value),
  ),
  // Any order is taken, so that "No" is agreed on where it is offered (RFC 7143 §13.18, §13.19). What this target sends
  // is in order all the same.
  DataPDUInOrder: rule(
    () => false,
    (p, value: boolean) => (p.dataPduInOrder = value),
  ),
  DataSequenceInOrder: rule(
    () => false,
    (p, value: boolean) => (p.dataSequenceInOrder = value),
  ),
  ErrorRecoveryLevel: rule(
    // RFC 7143 §7.4.1: 0 in a discovery session; §13.19: 0 too when several R2Ts in order are agreed on already.
    ({ limits, discovery, agreed }) =>
      discovery || (agreed.maxOutstandingR2t > 1 && agreed.dataSequenceInOrder)
        ? 0
        : limits.errorRecoveryLevel,
    (p, value: number) => (p.errorRecoveryLevel = value),
  ),
  TaskReporting: rule(
    () => ['RFC3720', 'ResponseFence', 'FastAbort'],
    (p, value: TaskReporting) => (p.taskReporting = value),
  ),
  iSCSIProtocolLevel: rule(
    () => 2,
    (p, value: number) => (p.protocolLevel = value),
  ),
};

/** Keys on which the answers to others depend: they are answered first. */
const FIRST: ReadonlySet<string> = new Set(['DataSequenceInOrder', 'ErrorRecoveryLevel', 'MaxBurstLength']);

/** Answers that are no proposals: offering one is a protocol error (RFC 7143 §6.2). */
const ANSWERS_ONLY: ReadonlySet<string> = new Set(['Reject', 'Irrelevant', 'NotUnderstood']);

/** When the negotiation takes place: some keys are only for the login, some only for normal sessions. */
export interface NegotiationContext {
  readonly stage: 'security' | 'operational' | 'full-feature';
  readonly discovery: boolean;
  /** The connection is the first of its session; only that negotiates for the session ("use: LO"). */
  readonly leading: boolean;
}

/** The pairs in the order in which they can be answered. */
export function inDependencyOrder(pairs: readonly [string, string][]): [string, string][] {
  return [...pairs.filter(([name]) => FIRST.has(name)), ...pairs.filter(([name]) => !FIRST.has(name))];
}

/**
 * True for a value that is not for offering. None of it can be an answer to us either: this target proposes nothing,
 * and NotUnderstood for a key that it declares is a protocol error (RFC 7143 §6.2).
 */
export function isAnswerOnly(value: string): boolean {
  return ANSWERS_ONLY.has(value);
}

/**
 * Answers one operational key and puts its value into `parameters`. Returns the answer's text, or undefined
 * for a declaration, which gets none.
 *
 * A key that the table does not know is `NotUnderstood` (RFC 7143 §6.2); one that is known but has no meaning
 * in this session is `Irrelevant`; one that is not allowed now or on this connection, or has an inadmissible value,
 * is `Reject`: it stays as it is.
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
  if (key.kind === 'declarative' || key.sender === 'target') return undefined;
  const entry = RULES[name];
  if (entry === undefined || !key.stages.includes(context.stage)) return 'Reject';
  if (context.discovery && key.irrelevantWhen.includes('discovery-session')) return 'Irrelevant';
  if (key.leadingOnly && !context.leading) return 'Reject';
  return answer(
    parameters,
    { limits, discovery: context.discovery, agreed: parameters },
    key,
    entry,
    offered,
  );
}

function answer(
  parameters: OperationalParameters,
  basis: Basis,
  key: KeyDefinition,
  entry: Rule,
  offered: string,
): string | undefined {
  const outcome = negotiateKey(key, offered, entry.ours(basis));
  if (outcome === 'Reject') return 'Reject';
  entry.apply(parameters, outcome.value as never);
  return key.kind === 'numeric-declarative' ? undefined : outcome.answer;
}

/**
 * Closes a negotiation: FirstBurstLength must not exceed MaxBurstLength (RFC 7143 §13.14), whatever the defaults of
 * keys that were not negotiated.
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
