// `npm run simulate`: the long form of the simulated sessions of `npm test`, a million histories in all.
// `npm run simulate -- 30000 --seed 77` plays another number of them, from another seed on.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' } },
});
const kinds = 3;
const histories = Math.ceil(Number(positionals[0] ?? '1000000') / kinds);
const env = { ...process.env, LUNBOX_HISTORIES: String(histories), LUNBOX_SEED: values.seed };
const child = spawn('npx', ['vitest', 'run', 'packages/iscsi-target/test/simulation'], {
  env,
  stdio: 'inherit',
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
