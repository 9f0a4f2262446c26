import type { IrrelevantWhen, KeyDefinition, KeyKind, KeyStage } from './key-definition.ts';

const LOGIN: readonly KeyStage[] = ['operational'];
const ANY_LOGIN: readonly KeyStage[] = ['security', 'operational'];
const SECURITY: readonly KeyStage[] = ['security'];
const FULL_FEATURE: readonly KeyStage[] = ['full-feature'];
const ANY: readonly KeyStage[] = ['security', 'operational', 'full-feature'];
const OPERATIONAL: readonly KeyStage[] = ['operational', 'full-feature'];
const NORMAL_ONLY: readonly IrrelevantWhen[] = ['discovery-session'];

/** A session-wide key that is negotiated once, on the leading connection ("use: LO, scope: SW"). */
function leading(
  name: string,
  kind: KeyKind,
  reference: string,
  rest: Partial<KeyDefinition>,
): KeyDefinition {
  return {
    name,
    kind,
    sender: 'both',
    scope: 'session',
    stages: LOGIN,
    leadingOnly: true,
    irrelevantWhen: NORMAL_ONLY,
    reference,
    ...rest,
  };
}

/** A key that tells the other side something and is not answered. */
function declared(
  name: string,
  sender: 'initiator' | 'target',
  stages: readonly KeyStage[],
  reference: string,
  rest: Partial<KeyDefinition> = {},
): KeyDefinition {
  return {
    name,
    kind: 'declarative',
    sender,
    scope: 'session',
    stages,
    leadingOnly: false,
    irrelevantWhen: [],
    reference,
    ...rest,
  };
}

/** A key that is negotiated or declared for one connection. */
function perConnection(
  name: string,
  kind: KeyKind,
  stages: readonly KeyStage[],
  reference: string,
  rest: Partial<KeyDefinition>,
): KeyDefinition {
  return {
    name,
    kind,
    sender: 'both',
    scope: 'connection',
    stages,
    leadingOnly: false,
    irrelevantWhen: [],
    reference,
    ...rest,
  };
}

const DIGESTS = { values: ['CRC32C', 'None'], default: 'None' };
const LENGTH = { minimum: 512, maximum: 0xffffff };
const COUNT = { minimum: 1, maximum: 65535 };
const SECONDS = { minimum: 0, maximum: 3600, irrelevantWhen: [] };

const ROWS: readonly KeyDefinition[] = [
  perConnection('AuthMethod', 'list', SECURITY, '12.1', { values: ['KRB5', 'SRP', 'CHAP', 'None'] }),
  perConnection('CHAP_A', 'exchange', SECURITY, '12.1.3', {}),
  perConnection('CHAP_I', 'exchange', SECURITY, '12.1.3', {}),
  perConnection('CHAP_C', 'exchange', SECURITY, '12.1.3', {}),
  perConnection('CHAP_N', 'exchange', SECURITY, '12.1.3', {}),
  perConnection('CHAP_R', 'exchange', SECURITY, '12.1.3', {}),
  perConnection('HeaderDigest', 'list', LOGIN, '13.1', DIGESTS),
  perConnection('DataDigest', 'list', LOGIN, '13.1', DIGESTS),
  leading('MaxConnections', 'numeric-min', '13.2', { ...COUNT, default: '1' }),
  perConnection('SendTargets', 'exchange', FULL_FEATURE, '13.3', { sender: 'initiator', scope: 'session' }),
  declared('TargetName', 'initiator', ANY_LOGIN, '13.4'),
  declared('InitiatorName', 'initiator', ANY_LOGIN, '13.5'),
  declared('TargetAlias', 'target', ANY, '13.6'),
  declared('InitiatorAlias', 'initiator', ANY, '13.7'),
  declared('TargetAddress', 'target', ANY, '13.8'),
  declared('TargetPortalGroupTag', 'target', ANY_LOGIN, '13.9', {
    kind: 'numeric-declarative',
    minimum: 0,
    maximum: 65535,
  }),
  leading('InitialR2T', 'boolean-or', '13.10', { default: 'Yes' }),
  leading('ImmediateData', 'boolean-and', '13.11', { default: 'Yes' }),
  perConnection('MaxRecvDataSegmentLength', 'numeric-declarative', OPERATIONAL, '13.12', {
    ...LENGTH,
    default: '8192',
  }),
  leading('MaxBurstLength', 'numeric-min', '13.13', { ...LENGTH, default: '262144' }),
  leading('FirstBurstLength', 'numeric-min', '13.14', {
    ...LENGTH,
    default: '65536',
    irrelevantWhen: ['discovery-session', 'no-unsolicited-data'],
  }),
  leading('DefaultTime2Wait', 'numeric-max', '13.15', { ...SECONDS, default: '2' }),
  leading('DefaultTime2Retain', 'numeric-min', '13.16', { ...SECONDS, default: '20' }),
  leading('MaxOutstandingR2T', 'numeric-min', '13.17', { ...COUNT, default: '1' }),
  leading('DataPDUInOrder', 'boolean-or', '13.18', { default: 'Yes' }),
  leading('DataSequenceInOrder', 'boolean-or', '13.19', { default: 'Yes' }),
  leading('ErrorRecoveryLevel', 'numeric-min', '13.20', {
    minimum: 0,
    maximum: 2,
    default: '0',
    irrelevantWhen: [],
  }),
  declared('SessionType', 'initiator', ANY_LOGIN, '13.21', {
    leadingOnly: true,
    values: ['Discovery', 'Normal'],
    default: 'Normal',
  }),
  leading('TaskReporting', 'list', '13.23', {
    values: ['RFC3720', 'ResponseFence', 'FastAbort'],
    default: 'RFC3720',
  }),
  leading('iSCSIProtocolLevel', 'numeric-min', 'RFC 7144 7.1.1', { minimum: 0, maximum: 31, default: '1' }),
  leading('X#NodeArchitecture', 'declarative', '13.26', { default: 'None', irrelevantWhen: [] }),
  leading('IFMarker', 'obsolete', '13.25', {}),
  leading('OFMarker', 'obsolete', '13.25', {}),
  leading('IFMarkInt', 'obsolete', '13.25', {}),
  leading('OFMarkInt', 'obsolete', '13.25', {}),
];

/**
 * Every text key of RFC 7143 §12.1, §12.1.3 and §13 and of RFC 7144, by its case-sensitive name. A key that
 * is not here, private `X-` keys among them, is answered with NotUnderstood (RFC 7143 §6.2).
 */
export const Keys: ReadonlyMap<string, KeyDefinition> = new Map(ROWS.map((row) => [row.name, row]));
