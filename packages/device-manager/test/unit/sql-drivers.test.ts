import { describe, expect, it } from 'vitest';
import { mysqlDriver, postgresqlDriver } from '../../src/index.ts';

const LIMITS = { readyTimeoutMs: 5000, holdLimitMs: 60_000 };
/** Prints what a real client prints for the lines that ask for one; what it is asked besides, it takes. */
const client = (atResume = ':'): readonly string[] => [
  'sh',
  '-c',
  `while read -r line; do case "$line" in
    *backup_stop*|UNLOCK*) ${atResume};;
    '\\echo '*) echo "\${line#*echo }";;
    "SELECT 'lunbox:"*) text=\${line#*\\'}; echo "\${text%\\'*}";;
  esac; done`,
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

  it('that has ended before it is to resume did not hold', async () => {
    const suspension = await make(client('exit 1')).suspend(LIMITS);
    expect(await suspension.resume()).toBe(false);
  });

  it('that cannot be had is told with what the client said', async () => {
    const driver = make(['sh', '-c', 'echo connection refused >&2; exit 2']);
    await expect(driver.suspend(LIMITS)).rejects.toThrow('its client has ended: connection refused');
  });

  it('that is not ready in time is given up', async () => {
    const suspending = make(['sh', '-c', 'exec sleep 30']).suspend({ ...LIMITS, readyTimeoutMs: 100 });
    await expect(suspending).rejects.toThrow('not ready in time');
  });
});
