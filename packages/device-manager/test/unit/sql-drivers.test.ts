import { describe, expect, it } from 'vitest';
import { mysqlDriver, postgresqlDriver } from '../../src/index.ts';

const LIMITS = { readyTimeoutMs: 5000, holdLimitMs: 60_000 };
/** Prints what a real client prints for the lines that ask for one; what it is asked besides, it takes. */
const CLIENT = `while read -r line; do case "$line" in
  '\\echo '*) echo "\${line#*echo }";;
  "SELECT 'lunbox:"*) text=\${line#*\\'}; echo "\${text%\\'*}";;
  *STOP*|*stop*) STOPPED;;
esac; done`;
const client = (stopped = ':'): readonly string[] => [
  'sh',
  '-c',
  CLIENT.replace('STOPPED', stopped),
  'client',
];

describe.each([
  ['postgresql', (program: readonly string[]) => postgresqlDriver('dbname=x', program)],
  ['mysql', (program: readonly string[]) => mysqlDriver('/my.cnf', program)],
])('a session of %s', (_name, make) => {
  it('suspends, resumes and says that it held', async () => {
    const suspension = await make(client()).suspend(LIMITS);
    expect(await suspension.resume()).toBe(true);
  });

  it('that has ended did not hold', async () => {
    // It ends after the first thing that it prints.
    const suspension = await make(['sh', '-c', `${CLIENT.replace('esac;', 'esac; exit 0;')}`, 'client'])
      .suspend(LIMITS)
      .catch((error: unknown) => String(error));
    if (typeof suspension === 'string') expect(suspension).toMatch(/client has ended/);
    else expect(await suspension.resume()).toBe(false);
  });

  it('that cannot be had is told with what the client said', async () => {
    const driver = make(['sh', '-c', 'echo connection refused >&2; exit 2']);
    await expect(driver.suspend(LIMITS)).rejects.toThrow('its client has ended: connection refused');
  });

  it('that is not ready in time is given up', async () => {
    const driver = make(['sleep', '30', '#']);
    await expect(
      make(['sh', '-c', 'exec sleep 30']).suspend({ ...LIMITS, readyTimeoutMs: 100 }),
    ).rejects.toThrow('not ready in time');
    expect(driver.layer).toBe('application');
  });
});
