import { LoginStatus, decodeText, formatBinary, parseBinary, type LoginResponsePdu } from '@lunbox/iscsi-pdu';
import { createHash } from 'node:crypto';
import type { TestInitiator } from './initiator.ts';
import { INITIATOR_NAME, TARGET_NAME } from './initiator.ts';

/** Hash functions by CHAP algorithm, as IANA numbers them; written apart from the sources. */
const HASHES: Readonly<Record<string, string>> = { 5: 'md5', 6: 'sha1', 7: 'sha256', 8: 'sha3-256' };

/** What the initiator says in a CHAP login. */
export interface ChapLogin {
  readonly user?: string;
  readonly secret?: string;
  readonly offer?: string;
  readonly initiatorName?: string;
  readonly targetName?: string;
  readonly discovery?: boolean;
  readonly isid?: number;
  readonly tsih?: number;
  /** Keys of the mutual challenge, or anything else in the last step. */
  readonly more?: Record<string, string>;
  /** Writes the response; by default hexadecimal digits. */
  readonly format?: (bytes: Uint8Array) => string;
  /** Changes the response before it is sent. */
  readonly respond?: (right: Uint8Array, challenge: Challenge) => Uint8Array | Promise<Uint8Array>;
}

/** What the target asked. */
export interface Challenge {
  readonly algorithm: string;
  readonly identifier: number;
  readonly bytes: Uint8Array;
}

/** How the login ended. */
export interface ChapOutcome {
  readonly status: number;
  readonly challenge: Challenge | undefined;
  /** Keys of the last response. */
  readonly answers: Record<string, string>;
}

/** The response that RFC 1994 §4.1 asks for. */
export function chapResponse(
  algorithm: string,
  identifier: number,
  secret: string,
  challenge: Uint8Array,
): Uint8Array {
  return createHash(HASHES[algorithm] as string)
    .update(Uint8Array.of(identifier))
    .update(secret)
    .update(challenge)
    .digest();
}

/** Base64 as the text keys write it. */
export function base64(bytes: Uint8Array): string {
  return `0b${Buffer.from(bytes).toString('base64')}`;
}

/** Goes through the login of an initiator that authenticates by CHAP, up to full feature phase or a refusal. */
export async function chapLogin(initiator: TestInitiator, login: ChapLogin = {}): Promise<ChapOutcome> {
  const fields = {
    csg: 0,
    nsg: 1,
    tsih: login.tsih ?? 0,
    isid: Uint8Array.of(0x80, 0, 0, 0, 0, login.isid ?? 1),
  };
  const step = async (keys: Record<string, string>, changed: object = {}): Promise<ChapOutcome> => {
    const [pdu] = await initiator.send(initiator.loginRequest({ ...fields, ...changed }, keys));
    const { statusClass, statusDetail, data } = pdu as LoginResponsePdu;
    const answers = Object.fromEntries(decodeText(data));
    return { status: (statusClass << 8) | statusDetail, challenge: undefined, answers };
  };
  const method = await step({ ...names(login), AuthMethod: 'CHAP,None' }, { transit: false, nsg: 0 });
  if (method.status !== LoginStatus.SUCCESS) return method;
  const asked = await step({ CHAP_A: login.offer ?? '5' }, { transit: false, nsg: 0 });
  if (asked.status !== LoginStatus.SUCCESS) return asked;
  const challenge = challengeOf(asked.answers);
  const last = await step(await responseKeys(login, challenge));
  if (last.status !== LoginStatus.SUCCESS) return { ...last, challenge };
  const ready = await step({}, { csg: 1, nsg: 3 });
  return { status: ready.status, challenge, answers: last.answers };
}

function names({
  initiatorName = INITIATOR_NAME,
  targetName = TARGET_NAME,
  discovery,
}: ChapLogin): Record<string, string> {
  if (discovery === true) return { InitiatorName: initiatorName, SessionType: 'Discovery' };
  return { InitiatorName: initiatorName, TargetName: targetName };
}

function challengeOf(keys: Record<string, string>): Challenge {
  return {
    algorithm: keys['CHAP_A'] ?? '',
    identifier: Number(keys['CHAP_I']),
    bytes: parseBinary(keys['CHAP_C'] ?? '') ?? new Uint8Array(0),
  };
}

async function responseKeys(login: ChapLogin, challenge: Challenge): Promise<Record<string, string>> {
  const { user = 'alice', secret = 'secret-of-alice1', format = formatBinary } = login;
  const right = chapResponse(challenge.algorithm, challenge.identifier, secret, challenge.bytes);
  const response = (await login.respond?.(right, challenge)) ?? right;
  return { CHAP_N: user, CHAP_R: format(response), ...login.more };
}
