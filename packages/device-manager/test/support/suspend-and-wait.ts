// A manager that is killed: `suspend-and-wait.ts <journal>` suspends what the journal tells of, says so, and waits.
import { commandDriver } from '../../src/index.ts';
import { journaled } from './suspended.ts';

const driver = commandDriver('journal', journaled(process.argv[2]!));
await driver.suspend({ readyTimeoutMs: 10_000, holdLimitMs: 60_000 });
process.stdout.write('suspended\n');
setInterval(() => undefined, 1000);
