import { describe, expect, it } from 'vitest';
import { ScramClient } from '../../src/auth/scram-client.ts';
import { ScramServer } from '../../src/auth/scram-server.ts';
import { makeVerifier, nodeSaslCrypto, type SaslCrypto } from '../../src/index.ts';

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
const bytes = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

it('the client says what the example of RFC 7677 §3 says', async () => {
  const nonce = Uint8Array.from(Buffer.from('rOprNGfwEbeRWgbNEkqO', 'base64'));
  const crypto: SaslCrypto = { ...nodeSaslCrypto, random: () => nonce };
  const client = new ScramClient({ crypto, user: 'user', password: 'pencil', channelBinding: undefined });
  expect(text(client.first())).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  const whole = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  expect(text(await client.final(bytes(`${whole},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)))).toBe(
    `c=biws,${whole},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  );
  expect(client.isServer(bytes('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).toBe(true);
  expect(client.isServer(bytes('v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).toBe(false);
});

const verifier = await makeVerifier(nodeSaslCrypto, 'pencil', {
  salt: bytes('0123456789abcdef'),
  iterations: 4096,
});

interface Case {
  readonly user?: string;
  readonly password?: string;
  readonly clientBinding?: Uint8Array;
  readonly serverBinding?: Uint8Array;
  readonly plus?: boolean;
  readonly tamper?: (message: string) => string;
}

async function exchange({
  user = 'a,b=c',
  password = 'pencil',
  clientBinding,
  serverBinding,
  plus,
  tamper,
}: Case) {
  const client = new ScramClient({ crypto: nodeSaslCrypto, user, password, channelBinding: clientBinding });
  const server = new ScramServer({
    crypto: nodeSaslCrypto,
    verifierOf: (name) => (name === 'a,b=c' ? verifier : undefined),
    decoySecret: bytes('decoy'),
    decoyIterations: 4096,
    channelBinding: serverBinding,
    plus: plus ?? clientBinding !== undefined,
  });
  const challenge = server.step(client.first());
  if (challenge.kind !== 'challenge') return challenge.kind;
  const final = await client.final(challenge.data);
  const done = server.step(bytes((tamper ?? ((message) => message))(text(final))));
  if (done.kind !== 'done') return done.kind;
  return client.isServer(done.data) ? `done as ${done.user}` : 'impostor';
}

describe('an exchange', () => {
  const binding = bytes('the exporter of this connection');
  it.each<[string, Case, string]>([
    ['with the right password', {}, 'done as a,b=c'],
    ['bound to its connection', { clientBinding: binding, serverBinding: binding }, 'done as a,b=c'],
    ['unbound where TLS would do, by a client that cannot', { serverBinding: binding }, 'done as a,b=c'],
    ['with a wrong password', { password: 'pen' }, 'failed'],
    ['of a user that there is not', { user: 'nobody' }, 'failed'],
    ['bound to another connection', { clientBinding: bytes('another'), serverBinding: binding }, 'failed'],
    [
      'that binds by the wrong mechanism',
      { clientBinding: binding, serverBinding: binding, plus: false },
      'failed',
    ],
    ['with another nonce', { tamper: (message) => message.replace(/r=./, 'r=!') }, 'failed'],
    ['with another proof', { tamper: (message) => message.replace(/p=.{4}/, 'p=AAAA') }, 'failed'],
    ['without a proof', { tamper: (message) => message.replace(/,p=.*/, '') }, 'failed'],
  ])('%s ends as it should', async (_what, options, outcome) => {
    expect(await exchange(options)).toBe(outcome);
  });
});

it('a client that could bind is not told that the server cannot (RFC 5802 §6)', () => {
  const options = {
    crypto: nodeSaslCrypto,
    verifierOf: () => verifier,
    decoySecret: bytes('decoy'),
    decoyIterations: 4096,
    plus: false,
  };
  const first = bytes('y,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  expect(new ScramServer({ ...options, channelBinding: bytes('x') }).step(first).kind).toBe('failed');
  expect(new ScramServer({ ...options, channelBinding: undefined }).step(first).kind).toBe('challenge');
});

it('the challenge of a user that there is not is always the same, and looks like any other', () => {
  const challenge = (): string => {
    const server = new ScramServer({
      crypto: nodeSaslCrypto,
      verifierOf: () => undefined,
      decoySecret: bytes('decoy'),
      decoyIterations: 4096,
      channelBinding: undefined,
      plus: false,
    });
    const step = server.step(bytes('n,,n=nobody,r=rOprNGfwEbeRWgbNEkqO'));
    return text(step.kind === 'challenge' ? step.data : undefined).replace(/^r=[^,]*,/, '');
  };
  expect(challenge()).toMatch(/^s=[A-Za-z0-9+/]{22}==,i=4096$/);
  expect(challenge()).toBe(challenge());
});

it('a client works off neither too few nor too many iterations', async () => {
  for (const iterations of ['1', '4095', '99999999999', 'x']) {
    const nonce = bytes('0123456789abcde');
    const crypto: SaslCrypto = { ...nodeSaslCrypto, random: () => nonce };
    const client = new ScramClient({ crypto, user: 'user', password: 'pencil', channelBinding: undefined });
    const own = text(client.first()).replace(/.*r=/, '');
    expect(
      await client.final(bytes(`r=${own}more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=${iterations}`)),
    ).toBeUndefined();
  }
});
