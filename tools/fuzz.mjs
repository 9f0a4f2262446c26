// `npm run fuzz`: the long form of the two fuzzers of `npm test`, a million PDUs each instead of a hundred thousand.
// `npm run fuzz -- 5000000` takes another number.
import { spawn } from 'node:child_process';

const pduCount = process.argv[2] ?? '1000000';
const suites = [
  'packages/iscsi-pdu/test/property/fuzz.test.ts',
  'packages/iscsi-target/test/property/hostile-input.test.ts',
];
const env = { ...process.env, LUNBOX_FUZZ_PDUS: pduCount };
const arguments_ = ['vitest', 'run', ...suites, '--testTimeout', '3600000'];
const child = spawn('npx', arguments_, { env, stdio: 'inherit' });
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
