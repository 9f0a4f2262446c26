import { SeededRandom } from '@lunbox/block';
import { IscsiSession, systemSeams, type Dial } from '@lunbox/iscsi-initiator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const TWINS = /logged in again while its session from 127\.0\.0\.1 still answered/;

describe('T-L9: two logins of one initiator name and ISID', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;
  const sessions: IscsiSession[] = [];

  beforeEach(async () => {
    directory = makeTempDirectory('twins');
    target = await startLunbox({ directory: directory.path, sizeBytes: 1 << 20 });
  });

  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.close()));
    await target.kill9();
    directory.remove();
  });

  /** One host: the same random numbers give the same ISID. */
  const login = async (dial: Dial = systemSeams().dial): Promise<IscsiSession> => {
    const { host, port, iqn: targetName } = target;
    const seams = { ...systemSeams(), random: new SeededRandom(7), dial };
    const options = { portal: { host, port }, targetName, reconnect: { timeoutMs: 0 } };
    const session = new IscsiSession(options, seams);
    sessions.push(session);
    await session.open();
    return session;
  };

  it('the administrator is warned when both are alive, and the later one has the session', async () => {
    const first = await login();
    const startedMs = performance.now();
    const second = await login();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(second.state).toBe('ready');
    await expect.poll(() => first.state).not.toBe('ready');
    await expect.poll(() => target.log()).toMatch(TWINS);
  });

  it('a host that fell silent is not mistaken for another one', async () => {
    const { dial } = systemSeams();
    // It takes in nothing and so answers nothing, as a host whose power has gone.
    let deaf = false;
    await login((portal, events) =>
      dial(portal, {
        opened: () => events.opened(),
        received: (chunk) => (deaf ? undefined : events.received(chunk)),
        closed: (error) => events.closed(error),
      }),
    );
    deaf = true;
    expect((await login()).state).toBe('ready');
    expect(target.log()).not.toMatch(TWINS);
  });
});
