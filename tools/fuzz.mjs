// `npm run fuzz`: the long form of the fuzzers of `npm test`: a million PDUs at the framer and at the engine, a million
// logins, and response fences in the same proportion. `npm run fuzz -- 5000000` takes another number.
import { spawn } from 'node:child_process';

const count = process.argv[2] ?? '1000000';
const suites = [
  'packages/iscsi-pdu/test/property/fuzz.test.ts',
  'packages/iscsi-target/test/property/hostile-input.test.ts',
  'packages/iscsi-target/test/property/hostile-login.test.ts',
  'packages/iscsi-target/test/property/response-fence.test.ts',
];
const env = {
  ...process.env,
  LUNBOX_FUZZ_PDUS: count,
  LUNBOX_FUZZ_LOGINS: count,
  LUNBOX_FUZZ_FENCES: String(Math.ceil(Number(count) / 1000)),
};
const arguments_ = ['vitest', 'run', ...suites, '--testTimeout', '3600000'];
const child = spawn('npx', arguments_, { env, stdio: 'inherit' });
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
