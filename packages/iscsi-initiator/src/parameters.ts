import { Keys, negotiateKey, parseBoolean, parseNumber, type KeyDefinition } from '@lunbox/iscsi-pdu';
import { InitiatorError } from './errors.ts';

/** Whether a digest is offered (RFC 7143 §13.1): never, if the target can, or as a condition. */
export type DigestPolicy = 'none' | 'preferred' | 'required';

/** How a target reports the ends of tasks, most of all of those that a function aborts (RFC 7143 §13.23). */
export type TaskReporting = 'RFC3720' | 'ResponseFence' | 'FastAbort';

/** What this side offers in the operational negotiation. Lengths are in bytes. */
export interface NegotiationOptions {
  /** Default `none`. */
  readonly headerDigest?: DigestPolicy;
  /** Default `none`. */
  readonly dataDigest?: DigestPolicy;
  /** Largest data segment accepted (MaxRecvDataSegmentLength, RFC 7143 §13.12). Default 262 144. */
  readonly maxReceiveSegmentBytes?: number;
  /** MaxBurstLength (RFC 7143 §13.13). Default 1 048 576. */
  readonly maxBurstBytes?: number;
  /** FirstBurstLength (RFC 7143 §13.14); at most `maxBurstBytes`. Default 262 144. */
  readonly firstBurstBytes?: number;
  /** InitialR2T (RFC 7143 §13.10). Default false: unsolicited data is offered. */
  readonly initialR2t?: boolean;
  /** ImmediateData (RFC 7143 §13.11). Default true. */
  readonly immediateData?: boolean;
  /** MaxOutstandingR2T (RFC 7143 §13.17). Default 8; with error recovery it is always 1 (§13.19). */
  readonly maxOutstandingR2t?: number;
  /**
   * The TaskReporting that is wanted most (RFC 7143 §13.23); the target may choose a lesser one. `FastAbort`: functions
   * that abort several tasks do not wait for their Data-Out (§4.2.3.4). Default `ResponseFence`.
   */
  readonly taskReporting?: TaskReporting;
}

/** What is in force in full feature phase. Lengths are in bytes, times in seconds. */
export interface SessionParameters {
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
  /** Largest data segment the target takes. */
  readonly maxSendSegmentBytes: number;
  /** Largest data segment the target may send. */
  readonly maxReceiveSegmentBytes: number;
  readonly maxBurstBytes: number;
  readonly firstBurstBytes: number;
  readonly initialR2t: boolean;
  readonly immediateData: boolean;
  readonly maxOutstandingR2t: number;
  /** 0 to 2. */
  readonly errorRecoveryLevel: number;
  readonly maxConnections: number;
  readonly time2WaitS: number;
  readonly time2RetainS: number;
  readonly taskReporting: TaskReporting;
  /**
   * iSCSIProtocolLevel (RFC 7144 §7.1.1): 0 claims nothing, 1 is RFC 7143, 2 is RFC 7144 with its task management
   * functions and the priority of commands.
   */
  readonly protocolLevel: number;
  /** TargetPortalGroupTag, where the target told it. */
  readonly portalGroupTag: number | undefined;
  readonly targetAlias: string | undefined;
}

/** Key=value pairs by key. */
export type KeyValues = ReadonlyMap<string, string>;

/** An answer that leaves the key at its default (RFC 7143 §6.2). */
const VOID_ANSWERS = new Set(['Reject', 'Irrelevant', 'NotUnderstood']);

const DIGEST_LISTS: Record<DigestPolicy, string> = {
  none: 'None',
  preferred: 'CRC32C,None',
  required: 'CRC32C',
};

/** RFC 7143 §13.23: an offer has RFC3720 and ResponseFence at least; the first is liked best. */
const TASK_REPORTING_LISTS: Record<TaskReporting, string> = {
  RFC3720: 'RFC3720,ResponseFence',
  ResponseFence: 'ResponseFence,RFC3720',
  FastAbort: 'FastAbort,ResponseFence,RFC3720',
};

/** RFC 7144. */
const PROTOCOL_LEVEL = 2;

/** What the leading login offers beyond {@link NegotiationOptions}, for the session as a whole. */
export interface SessionOffer {
  readonly discovery: boolean;
  /** 0 to 2 (RFC 7143 §13.20). */
  readonly errorRecoveryLevel: number;
  /** MaxConnections (RFC 7143 §13.2). */
  readonly maxConnections: number;
  /** DefaultTime2Retain (RFC 7143 §13.16), in seconds. */
  readonly time2RetainS: number;
}

/** The keys that belong to one connection: all that a login may offer which joins a session. */
export function connectionOffer(options: NegotiationOptions): Map<string, string> {
  return new Map([
    ['HeaderDigest', DIGEST_LISTS[options.headerDigest ?? 'none']],
    ['DataDigest', DIGEST_LISTS[options.dataDigest ?? 'none']],
    ['MaxRecvDataSegmentLength', String(options.maxReceiveSegmentBytes ?? 262_144)],
  ]);
}

/** The keys of a leading login, in order. A discovery session has only the first few. */
export function operationalOffer(options: NegotiationOptions, session: SessionOffer): Map<string, string> {
  const maxBurstBytes = options.maxBurstBytes ?? 1_048_576;
  const offer = connectionOffer(options);
  offer.set('DefaultTime2Wait', '0');
  offer.set('DefaultTime2Retain', String(session.time2RetainS));
  offer.set('ErrorRecoveryLevel', String(session.errorRecoveryLevel));
  if (session.discovery) return offer;
  const yesNo = (value: boolean): string => (value ? 'Yes' : 'No');
  offer.set('MaxConnections', String(session.maxConnections));
  offer.set('InitialR2T', yesNo(options.initialR2t ?? false));
  offer.set('ImmediateData', yesNo(options.immediateData ?? true));
  offer.set('MaxBurstLength', String(maxBurstBytes));
  offer.set('FirstBurstLength', String(Math.min(options.firstBurstBytes ?? 262_144, maxBurstBytes)));
  // RFC 7143 §13.19: one at a time where data comes in order and may be asked for again.
  const r2ts = session.errorRecoveryLevel > 0 ? 1 : (options.maxOutstandingR2t ?? 8);
  offer.set('MaxOutstandingR2T', String(r2ts));
  offer.set('DataPDUInOrder', 'Yes');
  offer.set('DataSequenceInOrder', 'Yes');
  offer.set('TaskReporting', TASK_REPORTING_LISTS[options.taskReporting ?? 'ResponseFence']);
  offer.set('iSCSIProtocolLevel', String(PROTOCOL_LEVEL));
  return offer;
}

/**
 * The values in force after the answers.
 *
 * @throws InitiatorError `INITIATOR_NEGOTIATION` for a value that was not on offer, or a demanded digest refused.
 */
export function agreedParameters(offer: KeyValues, answers: KeyValues): SessionParameters {
  const number = (name: string): number => agreedNumber(keyNamed(name), offer.get(name), answers.get(name));
  const yes = (name: string): boolean => agreedBoolean(keyNamed(name), answers.get(name));
  const maxBurstBytes = number('MaxBurstLength');
  const tag = answers.get('TargetPortalGroupTag');
  return {
    ...connectionParameters(offer, answers),
    maxBurstBytes,
    // RFC 7143 §13.14: FirstBurstLength must not exceed MaxBurstLength, whatever the two answers say.
    firstBurstBytes: Math.min(number('FirstBurstLength'), maxBurstBytes),
    initialR2t: yes('InitialR2T'),
    immediateData: yes('ImmediateData'),
    maxOutstandingR2t: number('MaxOutstandingR2T'),
    errorRecoveryLevel: number('ErrorRecoveryLevel'),
    maxConnections: number('MaxConnections'),
    time2WaitS: number('DefaultTime2Wait'),
    time2RetainS: number('DefaultTime2Retain'),
    taskReporting: agreedOf('TaskReporting', offer, answers) as TaskReporting,
    protocolLevel: number('iSCSIProtocolLevel'),
    portalGroupTag: tag === undefined ? undefined : parseNumber(tag),
    targetAlias: answers.get('TargetAlias'),
  };
}

/** The values of a connection that joins a session: its own, the rest as the leading login settled it. */
export function joinedParameters(
  session: SessionParameters,
  offer: KeyValues,
  answers: KeyValues,
): SessionParameters {
  return { ...session, ...connectionParameters(offer, answers) };
}

function connectionParameters(
  offer: KeyValues,
  answers: KeyValues,
): Pick<SessionParameters, 'headerDigest' | 'dataDigest' | 'maxSendSegmentBytes' | 'maxReceiveSegmentBytes'> {
  const segment = 'MaxRecvDataSegmentLength';
  return {
    headerDigest: agreedDigest('HeaderDigest', offer, answers),
    dataDigest: agreedDigest('DataDigest', offer, answers),
    maxSendSegmentBytes: agreedNumber(keyNamed(segment), undefined, answers.get(segment)),
    maxReceiveSegmentBytes: Number(offer.get(segment)),
  };
}

/** Our answer to a key that the target proposes by itself; undefined when it only declares. */
export function answerProposal(name: string, value: string): string | undefined {
  const key = Keys.get(name);
  if (key === undefined) return 'NotUnderstood';
  switch (key.kind) {
    case 'declarative':
    case 'numeric-declarative':
      return undefined;
    case 'exchange':
    case 'obsolete':
      return 'Reject';
    default: {
      // What is not on offer stays at its default; RFC 7143 §6.2 lets the result function say so.
      const answer = negotiateKey(key, value, defaultOf(key));
      return answer === 'Reject' ? answer : answer.answer;
    }
  }
}

function defaultOf(key: KeyDefinition): number | boolean | readonly string[] {
  const text = key.default ?? '';
  if (key.kind === 'list') return [text];
  return parseBoolean(text) ?? Number(text);
}

function keyNamed(name: string): KeyDefinition {
  return Keys.get(name) as KeyDefinition;
}

function refused(key: string, value: string): InitiatorError {
  return new InitiatorError({ code: 'INITIATOR_NEGOTIATION', key, value });
}

function agreedNumber(key: KeyDefinition, offered: string | undefined, answer: string | undefined): number {
  if (answer === undefined || VOID_ANSWERS.has(answer)) return Number(key.default);
  const value = parseNumber(answer);
  const inRange = value !== undefined && value >= (key.minimum ?? 0) && value <= (key.maximum ?? Infinity);
  const tooMuch = key.kind === 'numeric-min' && offered !== undefined && (value ?? 0) > Number(offered);
  if (!inRange || tooMuch) throw refused(key.name, answer);
  return value;
}

function agreedBoolean(key: KeyDefinition, answer: string | undefined): boolean {
  if (answer === undefined || VOID_ANSWERS.has(answer)) return key.default === 'Yes';
  const value = parseBoolean(answer);
  if (value === undefined) throw refused(key.name, answer);
  return value;
}

function agreedDigest(name: string, offer: KeyValues, answers: KeyValues): boolean {
  return agreedOf(name, offer, answers) === 'CRC32C';
}

/** One of the values on offer; without an answer the default, which must have been on offer as well. */
function agreedOf(name: string, offer: KeyValues, answers: KeyValues): string {
  const fallback = keyNamed(name).default as string;
  const offered = (offer.get(name) ?? fallback).split(',');
  const answer = answers.get(name);
  const value = answer === undefined || VOID_ANSWERS.has(answer) ? fallback : answer;
  if (!offered.includes(value)) throw refused(name, answer ?? 'no answer');
  return value;
}
