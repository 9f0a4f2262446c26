import {
  Keys,
  LoginStatus,
  NO_TTT,
  RejectReason,
  decodeText,
  encodeText,
  splitText,
  type LoginResponsePdu,
  type TextResponsePdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import type { TargetEngine } from '../../src/index.ts';
import { INITIATOR_NAME, NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { STAY, archive, keysOf, negotiation, statusOf, type Keyed } from '../support/negotiation.ts';
import { ofType } from '../support/requests.ts';

let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(() => {
  engine = archive();
  initiator = new TestInitiator(engine);
});

const { step, text, answersTo } = negotiation(() => initiator);

describe('login phase (RFC 7143 §6.3)', () => {
  it('each Login Request has one Login Response', async () => {
    await step(NAMES, { csg: 0, ...STAY });
    await step({}, { csg: 0, ...STAY });
    await step({}, { csg: 0, nsg: 1 });
    await step({}, { csg: 1, nsg: 3 });
    expect(engine.sessions).toHaveLength(1);
  });

  it.each([
    ['operational only', [{ csg: 1, nsg: 3 }]],
    ['security only', [{ csg: 0, nsg: 3 }]],
    [
      'security, then operational',
      [
        { csg: 0, nsg: 1 },
        { csg: 1, nsg: 3 },
      ],
    ],
  ])('stages: %s', async (_which, stages) => {
    for (const [index, fields] of stages.entries()) {
      const response = await step(index === 0 ? NAMES : {}, fields);
      // The response names the stage that was asked for, and no later one.
      expect(response).toMatchObject({ statusClass: 0, transit: true, ...fields });
      expect(response.tsih === 0).toBe(fields.nsg !== 3);
    }
    expect(engine.sessions).toHaveLength(1);
  });

  it.each([
    [
      'operational, then security',
      [
        { csg: 1, ...STAY },
        { csg: 0, nsg: 1 },
      ],
    ],
    ['operational to operational', [{ csg: 1, nsg: 1 }]],
    ['security to security', [{ csg: 0, nsg: 0 }]],
    ['full feature phase at once', [{ csg: 3, nsg: 3 }]],
    ['to the reserved stage', [{ csg: 0, nsg: 2 }]],
  ])('stages that are not allowed: %s', async (_which, stages) => {
    let last: LoginResponsePdu | undefined;
    for (const [index, fields] of stages.entries()) last = await step(index === 0 ? NAMES : {}, fields);
    expect(statusOf(last!)).toBe(LoginStatus.INITIATOR_ERROR);
    expect(initiator.transport.ended).toBe(true);
  });

  it('the last response comes when the initiator asks for it', async () => {
    expect(await step(NAMES, STAY)).toMatchObject({ transit: false, tsih: 0 });
    expect(engine.sessions).toHaveLength(0);
    expect(await step({}, { csg: 1, nsg: 3 })).toMatchObject({ transit: true, nsg: 3 });
    expect(engine.sessions).toHaveLength(1);
  });

  it('a response that ends a stage asks for nothing: what it has of its own are declarations', async () => {
    const answers = await answersTo({ MaxBurstLength: '4096' });
    const own = Object.keys(answers).filter((name) => name !== 'MaxBurstLength');
    for (const name of own) expect(Keys.get(name)?.kind).toMatch('declarative');
  });

  it.each([
    ['MaxBurstLength', '512', '1024'],
    ['MaxBurstLength', '512', '512'],
    ['InitiatorName', INITIATOR_NAME, 'iqn.1994-05.com.example:other'],
    ['X-com.example.a', '1', '1'],
  ])('%s=%s and then %s is refused', async (name, first, second) => {
    await step({ ...NAMES, [name]: first }, STAY);
    expect(statusOf(await step({ [name]: second }))).toBe(LoginStatus.INITIATOR_ERROR);
    expect(initiator.transport.ended).toBe(true);
  });

  it('a key twice in one request is refused', async () => {
    const pairs: [string, string][] = [
      ...Object.entries(NAMES),
      ['InitialR2T', 'Yes'],
      ['InitialR2T', 'Yes'],
    ];
    const [response] = await initiator.send({ ...initiator.loginRequest({}, {}), data: encodeText(pairs) });
    expect(statusOf(response as LoginResponsePdu)).toBe(LoginStatus.INITIATOR_ERROR);
  });

  it.each(['Normal', 'Discovery'])(
    'TargetPortalGroupTag is in the first response to a whole request: %s (§6.3.1)',
    async (SessionType) => {
      const [first, second] = splitText(encodeText(Object.entries({ ...NAMES, SessionType })), 60);
      const open = initiator.loginRequest({ csg: 0, ...STAY, continue: true }, {});
      const [empty] = (await initiator.send({ ...open, data: first! })) as LoginResponsePdu[];
      expect(keysOf(empty!)).toEqual({});
      const rest = splitText(encodeText(Object.entries({ ...NAMES, SessionType })), 60).slice(2);
      const whole = Buffer.concat([second!, ...rest]);
      const [told] = (await initiator.send({
        ...initiator.loginRequest({ csg: 0, ...STAY }, {}),
        data: whole,
      })) as [LoginResponsePdu];
      expect(keysOf(told)).toHaveProperty('TargetPortalGroupTag', '1');
      expect(keysOf(await step({}, { csg: 0, nsg: 1 }))).not.toHaveProperty('TargetPortalGroupTag');
    },
  );

  it('the first method that is offered and may be used is taken, and Reject is said for none (§6.3.2)', async () => {
    const security = { csg: 0, nsg: 1 };
    expect(keysOf(await step({ ...NAMES, AuthMethod: 'KRB5,None' }, security))['AuthMethod']).toBe('None');
    initiator = new TestInitiator(engine);
    const refusal = await step({ ...NAMES, AuthMethod: 'KRB5,SRP' }, security);
    expect(statusOf(refusal)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(keysOf(refusal)).toEqual({ AuthMethod: 'Reject' });
  });

  it('a login without the names is refused', async () => {
    expect(statusOf(await step({ TargetName: TARGET_NAME }))).toBe(LoginStatus.MISSING_PARAMETER);
    initiator = new TestInitiator(engine);
    expect(statusOf(await step({ InitiatorName: INITIATOR_NAME }))).toBe(LoginStatus.MISSING_PARAMETER);
  });
});

describe('negotiation in full feature phase (RFC 7143 §6.4)', () => {
  beforeEach(() => initiator.login({ keys: { MaxRecvDataSegmentLength: '512' } }));

  it('the F bit of the response follows that of the request', async () => {
    const open = (await text({ MaxRecvDataSegmentLength: '1024' }, { final: false })) as TextResponsePdu;
    expect(open).toMatchObject({ final: false, continue: false });
    expect(open.targetTransferTag).not.toBe(NO_TTT);
    const { initiatorTaskTag, targetTransferTag } = open;
    const last = await text({}, { initiatorTaskTag, targetTransferTag });
    expect(last).toMatchObject({ final: true, targetTransferTag: NO_TTT });
  });

  it('an answer that goes on has text in each of its parts, a tag and no F bit', async () => {
    const unknown = Array.from({ length: 40 }, (_, index) => [`X-com.example.k${index}`, '1']);
    let answer = (await text(Object.fromEntries(unknown) as Keyed)) as TextResponsePdu;
    const parts = [answer.data];
    while (!answer.final) {
      expect(answer.targetTransferTag).not.toBe(NO_TTT);
      expect(answer.continue).toBe(true);
      const { initiatorTaskTag, targetTransferTag } = answer;
      answer = (await text({}, { initiatorTaskTag, targetTransferTag })) as TextResponsePdu;
      parts.push(answer.data);
    }
    expect(answer.continue).toBe(false);
    expect(parts.map(({ length }) => length > 0 && length <= 512)).toEqual(parts.map(() => true));
    expect(decodeText(Buffer.concat(parts))).toHaveLength(40);
  });

  it('a key twice in one negotiation is rejected, and a new negotiation starts afresh', async () => {
    const open = (await text({ MaxRecvDataSegmentLength: '1024' }, { final: false })) as TextResponsePdu;
    const { initiatorTaskTag, targetTransferTag } = open;
    const again = await text({ MaxRecvDataSegmentLength: '1024' }, { initiatorTaskTag, targetTransferTag });
    expect(again).toMatchObject({ type: 'reject', reason: RejectReason.PROTOCOL_ERROR });
    expect(await text({ MaxRecvDataSegmentLength: '1024' })).toMatchObject({ final: true });
    expect(ofType(await initiator.send(initiator.read10(0, 2)), 'data-in')).toHaveLength(1);
  });

  it('a response asks for nothing', async () => {
    const answer = (await text({ MaxRecvDataSegmentLength: '1024' })) as TextResponsePdu;
    expect(keysOf(answer)).toEqual({});
  });
});
