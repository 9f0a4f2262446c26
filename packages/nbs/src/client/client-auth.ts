import { SCRAM, SCRAM_PLUS, utf8, type SaslCrypto } from '../auth/sasl-crypto.ts';
import { ScramClient } from '../auth/scram-client.ts';
import type { Fields } from '../codec/tlv.ts';
import type { NbsTransport } from '../transport.ts';
import { NbsClientError } from './client-error.ts';
import type { NbsCredentials } from './client-options.ts';

/** Sends AUTH and answers the fields of the reply. */
export type AuthStep = (fields: Fields) => Promise<Fields>;

const NOTHING = new Uint8Array(0);

/**
 * Proves to the server who the client is, by the best mechanism that both have, and answers the fields of the last
 * reply. Throws a {@link NbsClientError} `NBS_OPEN_FAILED`.
 *
 * @param mechanisms those that the server offers
 */
export async function authenticate(
  step: AuthStep,
  mechanisms: readonly string[],
  credentials: NbsCredentials,
  crypto: SaslCrypto,
  { channelBinding }: Pick<NbsTransport, 'channelBinding'>,
): Promise<Fields> {
  const { user, password, token } = credentials;
  if (user !== undefined && password !== undefined) {
    const plus = channelBinding !== undefined && mechanisms.includes(SCRAM_PLUS);
    if (!plus && !mechanisms.includes(SCRAM))
      throw failed(`the server takes no passwords: ${mechanisms.join(', ')}`);
    const binding = plus ? channelBinding : undefined;
    const exchange = new ScramClient({ crypto, user, password, channelBinding: binding });
    return await scram(step, exchange, plus ? SCRAM_PLUS : SCRAM);
  }
  const name = token !== undefined ? 'BEARER' : mechanisms.includes('EXTERNAL') ? 'EXTERNAL' : 'ANONYMOUS';
  if (!mechanisms.includes(name)) throw failed(`the server wants one of ${mechanisms.join(', ')}`);
  return await step({ mechanism: [name], saslData: token === undefined ? NOTHING : utf8(token) });
}

async function scram(step: AuthStep, exchange: ScramClient, mechanism: string): Promise<Fields> {
  const { saslData: challenge = NOTHING } = await step({
    mechanism: [mechanism],
    saslData: exchange.first(),
  });
  const final = await exchange.final(challenge);
  if (final === undefined) throw failed('the challenge of the server makes no sense');
  const last = await step({ saslData: final });
  if (last.done !== true || !exchange.isServer(last.saslData ?? NOTHING))
    throw failed('the server does not know the password: it is somebody else');
  return last;
}

function failed(message: string): NbsClientError {
  return new NbsClientError('NBS_OPEN_FAILED', message);
}
