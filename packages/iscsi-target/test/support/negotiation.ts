import {
  LoginStatus,
  decodeText,
  type InitiatorPdu,
  type LoginRequestPdu,
  type LoginResponsePdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { TargetEngine } from '../../src/index.ts';
import { NAMES, TARGET_NAME, type TestInitiator } from './initiator.ts';
import { textRequest } from './requests.ts';
import { ScriptedScsi } from './scripted-scsi.ts';

/** Keys and values of a request or an answer. */
export type Keyed = Record<string, string>;

/** Fields of a Login Request that stays in its stage. */
export const STAY: Partial<LoginRequestPdu> = { transit: false, nsg: 0 };

/** A target with an alias, so that there is one to declare. */
export function archive(): TargetEngine {
  return new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi(), alias: 'Archive' }]);
}

/** One request at a time of an initiator, each with the one answer that there must be. */
export interface Negotiation {
  /** Sends a Login Request. */
  readonly step: (keys: Keyed, fields?: Partial<LoginRequestPdu>) => Promise<LoginResponsePdu>;
  /** Sends a Text Request. */
  readonly text: (keys: Keyed, fields?: object) => Promise<TargetPdu>;
  /** What the target answers to the keys of a first login, which must succeed. */
  readonly answersTo: (keys: Keyed) => Promise<Keyed>;
}

/** Requests of the initiator that is there when they are sent. */
export function negotiation(current: () => TestInitiator): Negotiation {
  const step = async (keys: Keyed, fields: Partial<LoginRequestPdu> = {}): Promise<LoginResponsePdu> =>
    (await only(current(), current().loginRequest(fields, keys))) as LoginResponsePdu;
  const text = (keys: Keyed, fields: object = {}): Promise<TargetPdu> =>
    only(current(), textRequest(current(), keys, fields));
  const answersTo = async (keys: Keyed): Promise<Keyed> => {
    const response = await step({ ...NAMES, ...keys });
    const status = statusOf(response);
    if (status !== LoginStatus.SUCCESS) throw new Error(`the login was answered with status ${status}`);
    return keysOf(response);
  };
  return { step, text, answersTo };
}

/** The keys of an answer. */
export function keysOf({ data }: { readonly data: Uint8Array }): Keyed {
  return Object.fromEntries(decodeText(data));
}

/** The status of a Login Response, both bytes of it. */
export function statusOf({ statusClass, statusDetail }: LoginResponsePdu): number {
  return (statusClass << 8) | statusDetail;
}

async function only(initiator: TestInitiator, pdu: InitiatorPdu): Promise<TargetPdu> {
  const answers = await initiator.send(pdu);
  if (answers.length !== 1) throw new Error(`${answers.length} answers to one ${pdu.type}`);
  return answers[0] as TargetPdu;
}
