import {
  decodeText,
  type InitiatorPdu,
  type LoginRequestPdu,
  type LoginResponsePdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import type { TestInitiator } from './initiator.ts';
import { textRequest } from './requests.ts';

/** Keys and values of a request or an answer. */
export type Keyed = Record<string, string>;

/** Fields of a Login Request that stays in its stage. */
export const STAY: Partial<LoginRequestPdu> = { transit: false, nsg: 0 };

/** Sends a Login Request; returns the answer, of which there must be one. */
export async function loginStep(
  initiator: TestInitiator,
  keys: Keyed,
  fields: Partial<LoginRequestPdu> = {},
): Promise<LoginResponsePdu> {
  return (await only(initiator, initiator.loginRequest(fields, keys))) as LoginResponsePdu;
}

/** Sends a Text Request; returns the answer, of which there must be one. */
export function textStep(initiator: TestInitiator, keys: Keyed, fields: object = {}): Promise<TargetPdu> {
  return only(initiator, textRequest(initiator, keys, fields));
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
